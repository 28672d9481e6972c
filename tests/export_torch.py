#!/usr/bin/python3
"""Exports networks from PyTorch, for tests/onnx_torch_test.cpp.

    export_torch.py FOLDER

For every network there is FOLDER/NAME.onnx, and FOLDER/NAME.x and FOLDER/NAME.y with an input of one
image (or sequence, or tokens) and the output that PyTorch computes for it: 32-bit floats with the channel
first. Weights are random, and so are the running statistics. Networks are exported as users do it: in opset 11 for a fixed
batch, with constants worked out and BatchNormalization folded into the convolutions, and in opset 13 for
batches of any size, with everything as it stands in the network.

Needs python3-torch and python3-torchvision.
"""

import pathlib
import sys
import warnings

import torch
import torch.nn.functional as F
import torchvision
from torch import nn


class Digits(nn.Module):
    """A classifier as PyTorch's examples have it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(8 * 5 * 5, 16)
        self.fc2 = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = self.dropout(F.max_pool2d(x, 2))
        x = x.view(x.size(0), -1)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


class Slopes(nn.Module):
    """Learned slopes, a mean over pixels by hand, and sizes worked out from the input's."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.slopes = nn.PReLU(8)
        self.slopes.weight = nn.Parameter(torch.linspace(-0.5, 0.5, 8))
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.slope = nn.PReLU()
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.slope(self.pool(self.slopes(self.conv(x))))
        x = F.relu6(x).mean(dim=(2, 3))
        return torch.softmax(self.fc(x.reshape(x.shape[0], 8)), dim=-1)


class Enlarging(nn.Module):
    """Normalisations of each sample by itself, and three ways to enlarge an image."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.Mish(),
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(8, 8, 3),
            nn.InstanceNorm2d(8, affine=True), nn.Hardswish(), nn.PixelShuffle(2), nn.GELU(),
            nn.Upsample(scale_factor=(2, 3), mode="bilinear", align_corners=True),
            nn.InstanceNorm2d(2), nn.Conv2d(2, 4, 3), nn.GLU(dim=1))
        for norm in (self.layers[1], self.layers[5]):
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)

    def forward(self, x):
        return self.layers(x).flatten(1)


class Mixer(nn.Module):
    """Sequences: positions, and residual blocks of normalisation and two products."""

    def __init__(self):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, 7, 6))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 6)) for _ in range(2))
        self.norm = nn.LayerNorm(6, elementwise_affine=False)
        self.gate = nn.GLU()

    def forward(self, x):
        x = x + self.positions
        for block in self.blocks:
            x = x + block(x)
        return self.gate(self.norm(x)).mean(dim=1)


class Reader(nn.Module):
    """Reads tokens step by step: what it makes of the last step, or of all."""

    def __init__(self, kind, take, **options):
        super().__init__()
        self.vectors = nn.Embedding(11, 5)
        self.reader = kind(5, 4, batch_first=True, **options)
        self.answer = nn.Linear(8 if options.get("bidirectional") else 4, 3)
        self.take = take

    def forward(self, tokens):
        steps, last = self.reader(self.vectors(tokens))
        if self.take == "last":
            steps = steps[:, -1]
        elif self.take == "state":
            steps = (last[0] if isinstance(last, tuple) else last)[-1]
        return self.answer(steps)


# How users export: for a fixed batch and for one of any size, and so on.
FIXED = {"opset_version": 11, "do_constant_folding": True, "training": torch.onnx.TrainingMode.EVAL}
ANY = {"opset_version": 13, "do_constant_folding": False,
       "training": torch.onnx.TrainingMode.PRESERVE,
       "dynamic_axes": {"in": {0: "batch"}, "out": {0: "batch"}}}


def networks():
    for name, kind in (("fixed", FIXED), ("any", ANY)):
        yield "digits_" + name, Digits(), (1, 26, 26), kind
        yield "slopes_" + name, Slopes(), (3, 11, 12), kind
        yield "enlarging_" + name, Enlarging(), (3, 6, 5), kind
        yield "mixer_" + name, Mixer(), (7, 6), kind
        yield "lstm_last_" + name, Reader(nn.LSTM, "last"), 9, kind
        yield "lstm_state_" + name, Reader(nn.LSTM, "state", bias=False), 9, kind
        yield "gru_last_" + name, Reader(nn.GRU, "last", num_layers=2), 9, kind
        yield "gru_both_" + name, Reader(nn.GRU, "all", bidirectional=True), 9, kind
        yield "lstm_both_" + name, Reader(nn.LSTM, "all", bidirectional=True, num_layers=2), 9, kind
    image = (3, 40, 40)  # odd extents on the way down, so that windows are cut
    models = torchvision.models
    yield "squeezenet1_0", models.squeezenet1_0(), image, FIXED
    yield "squeezenet1_1", models.squeezenet1_1(), image, ANY
    yield "mobilenet_v2_fixed", models.mobilenet_v2(), image, FIXED
    yield "mobilenet_v2_any", models.mobilenet_v2(), image, ANY
    yield "densenet121", models.densenet121(), image, ANY
    yield "efficientnet_b0", models.efficientnet_b0(), image, FIXED


def export(folder, name, network, shape, kind):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    network.eval()
    x = torch.randint(0, 11, (1, shape)) if isinstance(shape, int) else torch.randn(1, *shape)
    y = network(x).detach()
    torch.onnx.export(network, x, str(folder / (name + ".onnx")), input_names=["in"],
                      output_names=["out"], **kind)
    (folder / (name + ".x")).write_bytes(x.float().numpy().tobytes())
    (folder / (name + ".y")).write_bytes(y.numpy().tobytes())


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    for network in networks():
        export(pathlib.Path(sys.argv[1]), *network)
