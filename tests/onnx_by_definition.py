"""Computes ONNX graphs as its operator specification (opset 13) defines them, one operation after another,
in numpy and double precision. Knows the operations of exported networks for sequences, and few others."""

import math

import numpy as np
import onnx
from onnx import numpy_helper


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reshape(x, shape):
    return x.reshape([x.shape[i] if extent == 0 else int(extent) for i, extent in enumerate(shape)])


def slice_along(x, starts, ends, axes=None):
    index = [slice(None)] * x.ndim
    for start, end, axis in zip(starts, ends, range(x.ndim) if axes is None else axes):
        index[int(axis)] = slice(int(start), int(end))
    return x[tuple(index)]


def softmax(x, axis=-1):
    raised = np.exp(x - x.max(axis=axis, keepdims=True))
    return raised / raised.sum(axis=axis, keepdims=True)


def erf(x):
    return np.vectorize(math.erf)(x)


def biases(all_biases, gates, units):
    """Those of the inputs and of the recurrences, gate by gate."""
    both = np.zeros(2 * gates * units) if all_biases is None else all_biases[0]
    return both[:gates * units].reshape(gates, units), both[gates * units:].reshape(gates, units)


def lstm(x, w, r, b=None, hidden_size=0, direction="forward"):
    """Gates i, o, f, c."""
    units = hidden_size
    inputs, recurrences = w[0].reshape(4, units, -1), r[0].reshape(4, units, -1)
    input_bias, recurrent_bias = biases(b, 4, units)
    h = c = np.zeros((x.shape[1], units))
    states = np.zeros((x.shape[0], 1, *h.shape))
    for t in range(x.shape[0]) if direction == "forward" else reversed(range(x.shape[0])):
        i, o, f, g = (x[t] @ inputs[k].T + h @ recurrences[k].T + input_bias[k] + recurrent_bias[k]
                      for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states[t, 0] = h
    return states, h[None]


def gru(x, w, r, b=None, hidden_size=0, direction="forward", linear_before_reset=0):
    """Gates z, r, h."""
    assert linear_before_reset == 1
    units = hidden_size
    inputs, recurrences = w[0].reshape(3, units, -1), r[0].reshape(3, units, -1)
    input_bias, recurrent_bias = biases(b, 3, units)
    h = np.zeros((x.shape[1], units))
    states = np.zeros((x.shape[0], 1, *h.shape))
    for t in range(x.shape[0]) if direction == "forward" else reversed(range(x.shape[0])):
        z, reset, new = (x[t] @ inputs[k].T + input_bias[k] for k in range(3))
        old_z, old_reset, old_new = (h @ recurrences[k].T + recurrent_bias[k] for k in range(3))
        z, reset = sigmoid(z + old_z), sigmoid(reset + old_reset)
        h = (1 - z) * np.tanh(new + reset * old_new) + z * h
        states[t, 0] = h
    return states, h[None]


def normalise_batch(x, scale, shift, mean, variance, epsilon=1e-5, momentum=0.9):
    shape = [1, -1] + [1] * (x.ndim - 2)
    scale, shift, mean, variance = (v.reshape(shape) for v in (scale, shift, mean, variance))
    return (x - mean) / np.sqrt(variance + epsilon) * scale + shift


def convolution(x, w, b, kernel_shape, strides, dilations, pads, group):
    """Of one group, without strides or dilations."""
    assert group == 1 and set(strides) == set(dilations) == {1}
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel_shape, (2, 3))
    return np.einsum("nchwyx,fcyx->nfhw", windows, w) + b[:, None, None]


def depth_to_space(x, blocksize, mode):
    assert mode == "CRD"
    n, c, h, w = x.shape
    parts = x.reshape(n, c // blocksize**2, blocksize, blocksize, h, w)
    return parts.transpose(0, 1, 4, 2, 5, 3).reshape(n, c // blocksize**2, h * blocksize, w * blocksize)


OPERATIONS = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a / b,
    "Sqrt": np.sqrt,
    "Erf": erf,
    "Relu": lambda x: np.maximum(x, 0),
    "Sigmoid": sigmoid,
    "Tanh": np.tanh,
    "Softplus": lambda x: np.log1p(np.exp(x)),
    "Softmax": softmax,
    "Clip": lambda x, low, high: np.clip(x, low, high),
    "Dropout": lambda x, rate: x,
    "MatMul": np.matmul,
    "Conv": convolution,
    "DepthToSpace": depth_to_space,
    "GlobalAveragePool": lambda x: x.mean(axis=(2, 3), keepdims=True),
    "Gemm": lambda a, b, c=0, transB=0: a @ (b.T if transB else b) + c,
    "ReduceMean": lambda x, axes, keepdims=1: x.mean(axis=tuple(axes), keepdims=bool(keepdims)),
    "BatchNormalization": normalise_batch,
    "Transpose": lambda x, perm: x.transpose(perm),
    "Reshape": reshape,
    "Flatten": lambda x, axis=1: x.reshape(math.prod(x.shape[:axis]), -1),
    "Slice": slice_along,
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
    "Squeeze": lambda x, axes: x.squeeze(tuple(int(axis) for axis in axes)),
    "Unsqueeze": lambda x, axes: np.expand_dims(x, tuple(int(axis) for axis in axes)),
    "Cast": lambda x, to: x.astype(np.int64) if to == onnx.TensorProto.INT64 else x,
    "Gather": lambda x, indices, axis=0: np.take(x, indices, axis),
    "LSTM": lstm,
    "GRU": gru,
}


def run(model, value):
    """What the graph makes of its one input."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    values = {name: array.astype(np.float64) if array.dtype == np.float32 else array
              for name, array in values.items()}
    values[model.graph.input[0].name] = value.astype(np.float64)
    for node in model.graph.node:
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        attributes = {name: one.decode() if isinstance(one, bytes) else one for name, one in attributes.items()}
        results = OPERATIONS[node.op_type](*(values[name] for name in node.input), **attributes)
        results = results if isinstance(results, tuple) else (results,)
        values.update((name, result) for name, result in zip(node.output, results) if name)
    return values[model.graph.output[0].name]
