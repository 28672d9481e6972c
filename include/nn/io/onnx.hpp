/// @file
/// ONNX files, out and in. Needs the CMake target nn::onnx.
#pragma once

#include "nn/io/onnx_export.hpp"
#include "nn/io/onnx_import.hpp"
