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


def recurrent(step, x, lengths, state, direction):
    """All outputs of step(x[t], state) -> state, whose first part is the output, and the last ones. Steps beyond a
    sequence's length are not read, and their outputs are 0."""
    states = np.zeros((x.shape[0], 1, *state[0].shape))
    for t in range(x.shape[0]) if direction == "forward" else reversed(range(x.shape[0])):
        read = np.ones((x.shape[1], 1), bool) if lengths is None else (t < lengths)[:, None]
        state = tuple(np.where(read, new, old) for new, old in zip(step(x[t], state), state))
        states[t, 0] = np.where(read, state[0], 0)
    return states, state[0][None]


def lstm(x, w, r, b=None, lengths=None, hidden_size=0, direction="forward"):
    """Gates i, o, f, c."""
    units = hidden_size
    inputs, recurrences = w[0].reshape(4, units, -1), r[0].reshape(4, units, -1)
    input_bias, recurrent_bias = biases(b, 4, units)

    def step(row, state):
        h, c = state
        i, o, f, g = (row @ inputs[k].T + h @ recurrences[k].T + input_bias[k] + recurrent_bias[k]
                      for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    zeros = np.zeros((x.shape[1], units))
    return recurrent(step, x, lengths, (zeros, zeros), direction)


def gru(x, w, r, b=None, lengths=None, hidden_size=0, direction="forward", linear_before_reset=0):
    """Gates z, r, h."""
    assert linear_before_reset == 1
    units = hidden_size
    inputs, recurrences = w[0].reshape(3, units, -1), r[0].reshape(3, units, -1)
    input_bias, recurrent_bias = biases(b, 3, units)

    def step(row, state):
        h = state[0]
        z, reset, new = (row @ inputs[k].T + input_bias[k] for k in range(3))
        old_z, old_reset, old_new = (h @ recurrences[k].T + recurrent_bias[k] for k in range(3))
        z, reset = sigmoid(z + old_z), sigmoid(reset + old_reset)
        return ((1 - z) * np.tanh(new + reset * old_new) + z * h,)

    return recurrent(step, x, lengths, (np.zeros((x.shape[1], units)),), direction)


def cumulative_sum(x, axis, reverse=0):
    axis = int(axis)
    return np.flip(np.flip(x, axis).cumsum(axis), axis) if reverse else x.cumsum(axis)


def largest(x, count):
    """Along the last axis, the first of equal ones first."""
    places = np.argsort(-x, axis=-1, kind="stable")[..., :int(count[0])]
    return np.take_along_axis(x, places, -1), places


def gather_rows(data, indices, batch_dims):
    """Of data with one axis of samples and indices of one row each."""
    assert batch_dims == 1 and indices.shape[-1] == 1
    return np.stack([rows[places[..., 0]] for rows, places in zip(data, indices)])


def cast(x, to):
    types = {onnx.TensorProto.INT64: np.int64, onnx.TensorProto.INT32: np.int32,
             onnx.TensorProto.FLOAT: np.float64}
    return x.astype(types[to])


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
    "Cast": cast,
    "Equal": lambda a, b: a == b,
    "Max": np.maximum,
    "Sign": np.sign,
    "ReduceMin": lambda x, axes, keepdims=1: x.min(axis=tuple(axes), keepdims=bool(keepdims)),
    "ReduceSum": lambda x, axes, keepdims=1: x.sum(axis=tuple(axes), keepdims=bool(keepdims)),
    "CumSum": cumulative_sum,
    "TopK": largest,
    "GatherND": gather_rows,
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
        results = OPERATIONS[node.op_type](*(values[name] if name else None for name in node.input), **attributes)
        results = results if isinstance(results, tuple) else (results,)
        values.update((name, result) for name, result in zip(node.output, results) if name)
    return values[model.graph.output[0].name]
