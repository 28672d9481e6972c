#!/usr/bin/python3
"""Computes random cases in PyTorch, for tests/pytorch_random_test.cpp.

    check_pytorch.py FOLDER

FOLDER/cases.txt has a line for every case: what kind it is and, after a tab, what computes it here.
FOLDER/cases.safetensors has its tensors under the line's number, from 0, and a dot:

    plain, image  y, dx and the gradients and states "after.NAME" for x, dy and the parameters
                  "before.NAME"; images have the channel last here, and first in the expression;
                  parameters whose names are none in Python are p["NAME"]
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
from torch.nn.utils.stateless import functional_call


def attention(x, p, heads, causal=False, queries=0, at="", padded=False):
    """nn.MultiheadAttention on (N, T, F) with the parameters p below the path `at`."""
    query = x[:, :queries] if queries else x
    key = x[:, queries:]
    mask = torch.triu(torch.full((x.shape[1],) * 2, -torch.inf, dtype=x.dtype), 1)
    y, _ = F.multi_head_attention_forward(
        query.transpose(0, 1), key.transpose(0, 1), key.transpose(0, 1), x.shape[2], heads,
        p[at + "in_proj_weight"], p.get(at + "in_proj_bias"), None, None, False, 0.0,
        p[at + "out_proj.weight"], p.get(at + "out_proj.bias"), need_weights=False,
        attn_mask=mask if causal else None,
        key_padding_mask=(key == 0).all(-1) if padded else None)
    return y.transpose(0, 1)


def transformer(x, p, heads, hidden, epsilon, before):
    """nn.TransformerEncoderLayer with the parameters of a transformer_block."""
    module = torch.nn.TransformerEncoderLayer(x.shape[2], heads, hidden, 0.0, "gelu", epsilon,
                                              batch_first=True, norm_first=before).double()
    paths = {"norm1": "0.0.0", "self_attn": "0.0.1", "norm2": "1.0.0", "linear1": "1.0.1",
             "linear2": "1.0.4"}
    if not before:
        paths = {"self_attn": "0.0.0", "norm1": "1", "linear1": "2.0.0", "linear2": "2.0.3",
                 "norm2": "3"}
    names = {ours + "." + name[len(theirs) + 1:]: name for theirs, ours in paths.items()
             for name, _ in module.named_parameters() if name.startswith(theirs + ".")}
    assert sorted(names) == sorted(p), (names, list(p))
    return functional_call(module, {names[name]: value for name, value in p.items()}, (x,))


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
    y = eval(expression, globals(), {"x": x.permute(0, 3, 1, 2) if is_image else x,
                                       "p": names, **names})
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
