/// @file
/// All layers that files can name, as chains known at run time hold them. Where the kernels are
/// compiled apart from the program (nn/kernels/kernels.hpp), so are these, with them: a program
/// that reads a model need not compile each layer anew.
#pragma once

#include "nn/io/channels_last.hpp"
#include "nn/io/flatten_channels_first.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/adaptive_pooling.hpp"
#include "nn/layers/any_concat.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/bilinear.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/drop_path.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/gated_linear_unit.hpp"
#include "nn/layers/group_norm.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/hard_swish.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/lstm.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/mish.hpp"
#include "nn/layers/named.hpp"
#include "nn/layers/pixel_shuffle.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/positions.hpp"
#include "nn/layers/prelu.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/rms_norm.hpp"
#include "nn/layers/softmax.hpp"
#include "nn/layers/squeeze_excitation.hpp"
#include "nn/layers/swap_axes.hpp"
#include "nn/layers/upsample2d.hpp"
#include "nn/train/model.hpp"

/// @cond list
// F(layer): those that files name by the names that they tell.
// clang-format off
#define NN_NAMED_LAYERS(F)                                                                      \
  F(AdaptiveAveragePool2D) F(AdaptiveMaxPool2D) F(AveragePool2D) F(BatchNorm)                   \
  F(BilinearUpSample2D) F(Clip) F(Conv2D) F(ConvTranspose2D) F(Dense) F(DropPath) F(Dropout)    \
  F(ELU) F(Embedding) F(Flatten) F(FlattenChannelsFirst) F(FlattenChannelsLast) F(GELU) F(GRU)  \
  F(GatedLinearUnit) F(GlobalAveragePool2D) F(GlobalMaxPool2D) F(GroupNorm) F(HardSwish)        \
  F(Identity) F(InstanceNorm) F(LSTM) F(LayerNorm) F(LeakyReLU) F(LearnedPositions)             \
  F(LogSoftmax) F(MaxPool2D) F(MeanOverSteps) F(Mish) F(MultiHeadAttention) F(PReLU)            \
  F(PixelShuffle) F(RMSNorm) F(ReLU) F(Reshape) F(ReshapeChannelsLast) F(SELU) F(SiLU)          \
  F(Sigmoid) F(SinusoidalPositions) F(Softmax) F(Softplus) F(SwapAxes) F(Tanh) F(UpSample2D)
// Those that are made of others.
#define NN_LAYERS_OF_LAYERS(F)                                                                  \
  F(AnyConcat) F(ChannelGate<AnyLayer>) F(Masked<AnyLayer>) F(Named<AnyLayer>)                  \
  F(Residual<AnyLayer, AnyLayer>) F(Sequential<AnyLayer>)
// clang-format on

// With all products left to Eigen a program compiles its layers itself.
#if defined(NN_SEPARATE_KERNELS) && !defined(NN_EIGEN_GEMM)
namespace nn {
#define NN_HELD(...) extern template struct AnyLayer::Holder<__VA_ARGS__>;
NN_NAMED_LAYERS(NN_HELD)
NN_LAYERS_OF_LAYERS(NN_HELD)
#undef NN_HELD
extern template class Model<Sequential<AnyLayer>, float>;
}  // namespace nn
#endif
/// @endcond
