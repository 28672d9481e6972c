/// @file
/// The library with its layers for sequences: of tokens or of rows of features, one for each step.
/// They are not in nn.hpp, so that programs without sequences do not compile them.
#pragma once

#include "nn/nn.hpp"

#include "nn/layers/attention.hpp"
#include "nn/layers/bidirectional.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/lstm.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/positions.hpp"
#include "nn/layers/rms_norm.hpp"
#include "nn/layers/swap_axes.hpp"
#include "nn/layers/transformer.hpp"
