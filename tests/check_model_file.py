#!/usr/bin/python3
"""Reads models that nn::save wrote in PyTorch's layout, for tests/pytorch_model_test.cpp.

    check_model_file.py FILE...

The network is built in PyTorch from what the file says of it, takes the file's tensors by
`load_state_dict`, none missing and none extra, and must give the file's own test output for its test
input. Needs python3-torch, and of safetensors the format alone.
"""

import json
import pathlib
import struct
import sys

import torch


def read(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    metadata = header.pop("__metadata__")
    types = {"F32": torch.float32, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        data = bytearray(content[begin:end])
        tensor = torch.frombuffer(data, dtype=types[entry["dtype"]])
        tensors[name] = tensor.reshape(entry["shape"])
    return metadata, tensors


def module(layer, shape):
    """A layer and the shape of its output, for an input of `shape`: N x C x H x W."""
    kind = layer["layer"]
    if kind == "Conv2D":
        top, bottom, left, right = layer["padding"]
        assert (top, left) == (bottom, right)
        made = torch.nn.Conv2d(shape[1], layer["filters"], layer["kernel"], layer["stride"],
                               (top, left), layer["dilation"], layer["groups"], layer["bias"])
    elif kind == "Dense":
        made = torch.nn.Linear(shape[1], layer["units"], layer["bias"])
    elif kind == "BatchNorm":
        made = torch.nn.BatchNorm2d(shape[1], layer["epsilon"], layer["momentum"])
    elif kind == "MaxPool2D":
        made = torch.nn.MaxPool2d(layer["window"], layer["stride"])
    else:
        made = {"ReLU": torch.nn.ReLU, "Flatten": torch.nn.Flatten}[kind]()
    return made.eval(), made(torch.zeros(shape)).shape


def check(path):
    metadata, tensors = read(path)
    assert metadata["nn.format"] == "2" and metadata["nn.layout"] == "pytorch"
    model = json.loads(metadata["nn.model"])
    assert json.loads(metadata["nn.about"])["class_names"] == ["ant", "bee", "cat"]
    height, width, channels = model["input"]
    shape = torch.Size([1, channels, height, width])
    layers = []
    for layer in model["network"]["layers"]:
        made, shape = module(layer, shape)
        layers.append(made)
    network = torch.nn.Sequential(*layers).eval()
    network.load_state_dict(tensors)
    numbers = [float(number) for number in metadata["nn.check.input"].split()]
    x = torch.tensor(numbers).reshape(1, height, width, channels).permute(0, 3, 1, 2)
    expected = torch.tensor([float(number) for number in metadata["nn.check.output"].split()])
    with torch.no_grad():
        difference = (network(x).flatten() - expected).abs().max().item()
    assert difference < 1e-5, f"{path}: the output differs by {difference}"


for argument in sys.argv[1:]:
    check(pathlib.Path(argument))
