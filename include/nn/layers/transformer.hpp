/// @file
/// The blocks that transformers are made of, as compositions of other layers.
#pragma once

#include "nn/layers/activations.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/sequential.hpp"

namespace nn {

/// Where a transformer block normalises.
enum class Norm {
  before,  ///< what enters attention and dense layers (Xiong et al., "On layer normalization in
           ///< the transformer architecture", 2020): trains without a warm-up
  after,   ///< each sum, as at first (Vaswani et al., "Attention is all you need", 2017)
};

/// A transformer block; see `transformer_block`.
struct TransformerBlock {
  Index features = 1;   ///< of a step, in and out
  Index heads = 1;      ///< of the attention
  Index hidden = 0;     ///< units between the two dense layers; 0: four times the features
  float dropout = 0;    ///< the rate, of attention's weights and of what is added
  bool causal = false;  ///< whether a step sees itself and those before it alone
  bool rotary = false;  ///< whether attention turns its queries and keys by their steps
};

/// Attention and two dense layers with a GELU between, each added to what it reads (Vaswani et al.,
/// "Attention is all you need", 2017); samples of T x features keep their shape:
///
///     before:  x = x + attention(norm(x));  y = x + dense(gelu(dense(norm(x))))
///     after:   x = norm(x + attention(x));  y = norm(x + dense(gelu(dense(x))))
///
/// A network whose blocks normalise before has one LayerNorm more after the last of them.
///
///     nn::transformer_block({.features = 64, .heads = 4})
///     nn::transformer_block<nn::Norm::after>({.features = 64, .heads = 4, .dropout = 0.1F})
template <Norm norm = Norm::before>
[[nodiscard]] constexpr auto transformer_block(const TransformerBlock& block) {
  const MultiHeadAttention attention{.heads = block.heads,
                                     .causal = block.causal,
                                     .dropout = block.dropout,
                                     .rotary = block.rotary};
  const Dense hidden{.units = block.hidden > 0 ? block.hidden : 4 * block.features};
  const Dense output{.units = block.features};
  const Dropout dropout{block.dropout};
  if constexpr (norm == Norm::before) {
    return sequential(residual(LayerNorm{}, attention, dropout),
                      residual(LayerNorm{}, hidden, GELU{}, dropout, output, dropout));
  } else {
    return sequential(residual(attention, dropout), LayerNorm{},
                      residual(hidden, GELU{}, dropout, output, dropout), LayerNorm{});
  }
}

}  // namespace nn
