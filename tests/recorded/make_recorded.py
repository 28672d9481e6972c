#!/usr/bin/python3
"""Runs networks in PyTorch and records what came out, for tests/pytorch_test.cpp.

    make_recorded.py FOLDER NETWORK...

For each network, FOLDER/NETWORK.safetensors holds the weights to start from; where it is missing,
PyTorch's own random ones are written to it. FOLDER/NETWORK_results.safetensors gets

    inputs, labels        a few batches
    outputs               of the first batch, in inference
    gradient.*            of the cross-entropy of the first batch, in training
    losses                of 100 steps of plain SGD over the batches in turn
    trained_outputs       of the first batch, in inference, after them

and FOLDER/NETWORK_trained.safetensors the weights after them. The files beside this script were made
with Debian 12's python3-torch 1.13.1 by

    tests/recorded/make_recorded.py tests/recorded small_lenet batch_norm generator
"""

import json
import pathlib
import struct
import sys

import torch
from torch import nn

TYPES = {torch.float32: "F32", torch.int64: "I64"}


def write(path, tensors):
    """The safetensors format in ten lines: its own package is not in Debian 12."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    names = {name: dtype for dtype, name in TYPES.items()}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = bytearray(content[8 + length + begin:8 + length + end])
        tensors[name] = torch.frombuffer(raw, dtype=names[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def lenet():
    return (1, 28, 28), nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10))


def small_lenet():
    return (1, 12, 12), nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 16), nn.ReLU(),
        nn.Linear(16, 10))


# Batch normalisation of few samples enlarges differences from step to step. Its networks have smooth
# activations, so that those stay differences of rounding: at a kink one becomes another gradient.
# (With ReLU, a build without fused multiply-adds parts from PyTorch at step 19, one with them not in 40;
# gradients in float and in double from the same weights agree to 5e-6 at every step of both.)
def batch_norm():
    return (3, 9, 8), nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(6), nn.Tanh(),
        nn.Conv2d(6, 8, (3, 2), groups=2, dilation=(1, 2)), nn.BatchNorm2d(8), nn.SiLU(),
        nn.Flatten(), nn.BatchNorm1d(48), nn.Linear(48, 12, bias=False), nn.BatchNorm1d(12),
        nn.Tanh(), nn.Linear(12, 10))


def generator():
    return (10,), nn.Sequential(
        nn.Linear(10, 72, bias=False), nn.BatchNorm1d(72), nn.Tanh(), nn.Unflatten(1, (6, 3, 4)),
        nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1), nn.BatchNorm2d(4), nn.SiLU(),
        nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), nn.Sigmoid(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(288, 10))


def run(folder, network):
    torch.manual_seed(1)
    shape, model = globals()[network]()
    weights = folder / f"{network}.safetensors"
    if weights.exists():
        model.load_state_dict(read(weights), strict=True)
    else:
        write(weights, model.state_dict())
    inputs = torch.randint(0, 17, (10, 8) + shape).float() / 8 - 1
    labels = torch.randint(0, 10, (10, 8))
    results = {"inputs": inputs, "labels": labels}

    model.eval()
    results["outputs"] = model(inputs[0])
    model.train()
    start = {name: value.clone() for name, value in model.state_dict().items()}
    nn.functional.cross_entropy(model(inputs[0]), labels[0]).backward()
    for name, parameter in model.named_parameters():
        results[f"gradient.{name}"] = parameter.grad.clone()
    model.load_state_dict(start)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses = []
    for step in range(100):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs[step % 10]), labels[step % 10])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    results["losses"] = torch.tensor(losses)
    model.eval()
    results["trained_outputs"] = model(inputs[0])
    write(folder / f"{network}_results.safetensors", results)
    write(folder / f"{network}_trained.safetensors", model.state_dict())


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[2:]:
        run(pathlib.Path(sys.argv[1]), name)
