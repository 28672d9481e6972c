/// @file
/// The ways in which a convolution can be computed.
#pragma once

namespace nn {

/// How a convolution is computed. `automatic` takes Winograd's F(4x4, 3x3) for 3x3 taps of stride
/// 1, and F(4x4, 2x2) for 4x4 taps of stride 2, where they are the faster; their rounding errors
/// are two to three times those of a plain sum in the same precision (in float, 3x3 taps and
/// 64 channels, 6.5e-7 of the magnitude of the outputs against 2.8e-7; 4x4 taps, 1.1e-6
/// against 3.9e-7). `direct` forbids that, `winograd` takes it wherever it applies: these taps and
/// strides, dilation 1, one group, channels and filters that are multiples of 16 (float) or 8.
enum class ConvolutionAlgorithm { automatic, direct, winograd };

}  // namespace nn
