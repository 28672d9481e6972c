#!/usr/bin/env python3
"""Writes lenet.onnx and generator.onnx, with random weights, for bench/web: onnx_models.py FOLDER"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(1)


def save(path, input_shape, output_shape, steps):
    """Steps: (operator, shapes of weights, attributes), one after another."""
    nodes, weights, last = [], [], "x"
    for number, (operator, shapes, attributes) in enumerate(steps):
        names = []
        for shape in shapes:
            name = f"w{len(weights)}"
            values = shape if isinstance(shape, np.ndarray) else random.normal(0, 0.1, shape).astype(np.float32)
            if operator == "BatchNormalization":
                values = np.abs(values) + np.float32(0.5)
            weights.append(numpy_helper.from_array(values, name))
            names.append(name)
        result = "y" if number == len(steps) - 1 else f"t{number}"
        nodes.append(helper.make_node(operator, [last, *names], [result], **attributes))
        last = result
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, path)


def pool():
    return ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]})


def dense(inputs, outputs):
    return ("Gemm", [(inputs, outputs), (outputs,)], {})


relu = ("Relu", [], {})
deconvolution = {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]}
folder = sys.argv[1]
save(f"{folder}/lenet.onnx", [1, 1, 28, 28], [1, 10], [
    ("Conv", [(6, 1, 5, 5), (6,)], {"pads": [2, 2, 2, 2]}), relu, pool(),
    ("Conv", [(16, 6, 5, 5), (16,)], {}), relu, pool(), ("Flatten", [], {}),
    dense(400, 120), relu, dense(120, 84), relu, dense(84, 10)])
save(f"{folder}/generator.onnx", [1, 74], [1, 1, 28, 28], [
    ("MatMul", [(74, 3136)], {}), ("Reshape", [np.array([1, 64, 7, 7])], {}),
    ("BatchNormalization", [(64,)] * 4, {}), relu,
    ("ConvTranspose", [(64, 32, 4, 4)], deconvolution), ("BatchNormalization", [(32,)] * 4, {}), relu,
    ("ConvTranspose", [(32, 1, 4, 4), (1,)], deconvolution), ("Tanh", [], {})])
