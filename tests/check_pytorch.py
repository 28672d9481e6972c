#!/usr/bin/python3
"""Computes random cases in PyTorch, for tests/pytorch_random_test.cpp.

    check_pytorch.py FOLDER

FOLDER/cases.txt has a line for every case: what kind it is and, after a tab, what computes it here.
FOLDER/cases.safetensors has its tensors under the line's number, from 0, and a dot:

    plain, image  y, dx and the gradients and states "after.NAME" for x, dy and the parameters
                  "before.NAME"; images have the channel last here, and first in the expression
    loss          the value y and the gradient dx of outputs x for targets t
    rule          the weights y that a rule makes of x with gradients dy, a row for each step

Everything is of double precision and must agree within 1e-7 of the largest element (at least 1).

Needs python3-torch.
"""

import json
import pathlib
import struct
import sys

import torch
import torch.nn.functional as F  # noqa: F401, for the expressions


def read(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    cases = {}
    for name, entry in json.loads(content[8:8 + length]).items():
        if name == "__metadata__":
            continue
        types = {"F64": torch.float64, "I64": torch.int64}
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        data = bytearray(content[begin:end])
        tensor = torch.frombuffer(data, dtype=types[entry["dtype"]]).reshape(entry["shape"])
        number, name = name.split(".", 1)
        cases.setdefault(int(number), {})[name] = tensor
    return cases


def layer(expression, case, is_image):
    """Pairs of what PyTorch computes and what the library did."""
    names = {}
    for name, tensor in case.items():
        if name.startswith("before.") and tensor.dtype == torch.float64:
            name = name[len("before."):]
            names[name] = tensor.requires_grad_(not name.startswith("running"))
    x = case["x"].requires_grad_()
    y = eval(expression, globals(), {"x": x.permute(0, 3, 1, 2) if is_image else x, **names})
    if is_image:
        y = y.permute(0, 2, 3, 1)
    yield "y", y, case["y"]
    if y.shape != case["y"].shape:
        return
    y.backward(case["dy"])
    yield "dx", x.grad, case["dx"]
    for name, tensor in names.items():
        found = tensor if name.startswith("running") else tensor.grad
        yield name, found, case["after." + name]


def loss(expression, case):
    x = case["x"].requires_grad_()
    y = eval(expression, globals(), {"x": x, "t": case["t"]})
    y.backward()
    yield "value", y.reshape(1), case["y"]
    yield "dx", x.grad, case["dx"]


def rule(expression, case):
    x = case["x"].requires_grad_()
    optimizer = eval(expression, globals(), {"x": x})
    for gradient in case["dy"]:
        x.grad = gradient.clone()
        optimizer.step()
    yield "weights", x, case["y"]


def agree(found, expected):
    if found.shape != expected.shape:
        return False
    scale = max(1, expected.abs().max().item())
    return (found - expected).abs().max().item() <= 1e-7 * scale  # False for a NaN


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = pathlib.Path(sys.argv[1])
    cases = read(folder / "cases.safetensors")
    lines = (folder / "cases.txt").read_text().splitlines()
    wrong = 0
    for number, line in enumerate(lines):
        kind, expression = line.split("\t")
        case = cases[number]
        if kind == "loss":
            pairs = loss(expression, case)
        elif kind == "rule":
            pairs = rule(expression, case)
        else:
            pairs = layer(expression, case, kind == "image")
        for name, found, expected in pairs:
            if not agree(found.detach(), expected.detach()):
                print(f"case {number}, {name} of {list(case['x'].shape)}: {expression}")
                wrong += 1
    print(f"{len(lines)} cases in PyTorch {torch.__version__}, {wrong} disagreements")
    sys.exit(1 if wrong or not lines else 0)
