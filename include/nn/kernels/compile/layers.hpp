/// @file
/// Compiles the layers that nn/io/compiled_layers.hpp tells of.
#pragma once

#include "nn/io/compiled_layers.hpp"

namespace nn {
/// @cond list
#define NN_HELD(...) template struct AnyLayer::Holder<__VA_ARGS__>;
NN_NAMED_LAYERS(NN_HELD)
NN_LAYERS_OF_LAYERS(NN_HELD)
#undef NN_HELD
/// @endcond
template class Model<Sequential<AnyLayer>, float>;
}  // namespace nn
