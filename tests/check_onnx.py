#!/usr/bin/python3
"""Runs exported networks in OpenCV, for tests/onnx_export_test.cpp.

    check_onnx.py FOLDER

For every FOLDER/NAME.onnx there is FOLDER/NAME.safetensors with an "input" and the "output" that the
library computed for it, both with the channel first. Each file must pass ONNX's own checker, and
OpenCV must compute the same output within 1e-5 of its largest element (at least 1). What OpenCV 4.6
cannot run is computed by the operators' definitions instead (onnx_by_definition.py).

Needs python3-onnx and python3-opencv.
"""

import json
import pathlib
import struct
import sys

import cv2
import numpy as np
import onnx

import onnx_by_definition

# OpenCV 4.6 knows the bounds of Clip only as attributes, which ONNX gave up in 2019, takes rows of
# channels for one sample in BatchNormalization, and fails where ReduceMean keeps its axis, at
# DepthToSpace in this order, and where channels are multiplied by numbers of the image's own.
BEYOND_OPENCV = {"clip", "batch_norm_rows", "group_norm", "group_norm_without_scale", "instance_norm",
                 "pixel_shuffle", "squeeze_excitation"}


def is_beyond_opencv(name):
    return name in BEYOND_OPENCV or name.startswith("sequence_")


def read(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        data = content[8 + length + begin:8 + length + end]
        tensors[name] = np.frombuffer(data, np.float32).reshape(entry["shape"])
    return tensors


def check(path):
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    tensors = read(path.with_suffix(".safetensors"))
    expected = tensors["output"]
    if is_beyond_opencv(path.stem):
        found = onnx_by_definition.run(model, tensors["input"])
    else:
        network = cv2.dnn.readNetFromONNX(str(path))
        network.setInput(tensors["input"])
        found = network.forward()
    if found.shape != expected.shape:
        print(f"{path.stem}: the shape is {found.shape} instead of {expected.shape}")
        return False
    difference = np.abs(found - expected).max() / max(1, np.abs(expected).max())
    print(f"{path.stem}: {difference:.1e}")
    return difference < 1e-5


if __name__ == "__main__":
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
    failed = [path.stem for path in paths if not check(path)]
    sys.exit(f"outside the tolerance: {failed}" if failed or not paths else 0)
