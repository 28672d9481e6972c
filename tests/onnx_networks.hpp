// Networks that between them have every layer, for the tests of ONNX.
#pragma once

#include "nn/io/onnx.hpp"
#include "nn/sequences.hpp"

namespace networks {

using nn::AnyLayer;
using nn::Shape;
/// Chains known at run time, since each type of network takes seconds to compile in each test.
using Chain = nn::Sequential<AnyLayer>;

/// Calls visit(name, network, shape of a sample) for each.
template <class Visit>
void for_each_layer(const Visit& visit) {
  const Shape image{7, 6, 4};
  const auto of_images = [&](const char* name, const AnyLayer& layer) {
    visit(name, Chain({layer}), image);
  };
  const auto of_flat = [&](const char* name, const AnyLayer& layer) {
    visit(name, Chain({layer}), Shape{9});
  };
  const nn::Padding same = nn::Padding::same();
  of_images("conv", nn::Conv2D{.filters = 5, .kernel = 3});
  of_images("conv_strided",
            nn::Conv2D{.filters = 5, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}});
  of_images("conv_dilated",
            nn::Conv2D{.filters = 4, .kernel = 2, .dilation = {2, 3}, .bias = false});
  of_images("conv_grouped",
            nn::Conv2D{.filters = 6, .kernel = 3, .groups = 2, .padding = {0, 1, 2, 1}});
  of_images("conv_depthwise", nn::Conv2D{.filters = 4, .kernel = 3, .groups = 4, .padding = same});
  of_images("conv_same", nn::Conv2D{.filters = 3, .kernel = 4, .stride = 2, .padding = same});
  of_images("transposed",
            nn::ConvTranspose2D{
                .filters = 3, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1});
  of_images(
      "transposed_same",
      nn::ConvTranspose2D{.filters = 3, .kernel = 4, .stride = 2, .padding = same, .bias = false});
  of_images("transposed_same_gaps",
            nn::ConvTranspose2D{.filters = 3, .kernel = {1, 2}, .stride = {3, 2}, .padding = same});
  of_images("max_pool", nn::MaxPool2D{.window = 3, .stride = 2, .padding = 1});
  of_images("max_pool_plain", nn::MaxPool2D{2});
  of_images("average_pool", nn::AveragePool2D{.window = {2, 3}, .stride = 2, .padding = {0, 1}});
  of_images("average_pool_counting",
            nn::AveragePool2D{.window = 3, .padding = 1, .count_padding = true});
  of_images("global_average_pool", nn::GlobalAveragePool2D{});
  of_images("upsample", nn::UpSample2D{{2, 3}});
  of_images("batch_norm", nn::BatchNorm{});
  of_images("batch_norm_plain", nn::BatchNorm{.scale = false, .shift = false});
  of_flat("batch_norm_flat", nn::BatchNorm{});
  visit("batch_norm_rows", Chain({nn::BatchNorm{}}), Shape{5, 3});
  visit("batch_norm_rank_4", Chain({nn::BatchNorm{.shift = false}, nn::ReLU{}}), Shape{2, 3, 2, 4});
  of_images("layer_norm", nn::LayerNorm{});
  of_flat("layer_norm_flat", nn::LayerNorm{.shift = false});
  of_images("dropout", nn::Dropout{0.3F});
  of_images("identity", nn::Identity{});
  of_images("flatten", nn::Flatten{});
  of_images("flatten_channels_first", nn::FlattenChannelsFirst{});
  of_images("flatten_channels_last", nn::FlattenChannelsLast{});
  visit("flatten_channels_last_dense", Chain({nn::FlattenChannelsLast{}, nn::Dense{5}}), image);
  visit("reshape_channels_last",
        Chain({nn::Dense{24}, nn::ReshapeChannelsLast{{2, 3, 4}},
               nn::Conv2D{.filters = 2, .kernel = 2}}),
        Shape{9});
  of_flat("reshape", nn::Reshape{{3, 1, 3}});
  of_flat("dense", nn::Dense{5});
  of_flat("dense_without_bias", nn::Dense{.units = 5, .bias = false});
  visit("flatten_dense", Chain({nn::Flatten{}, nn::Dense{5}}), image);
  visit("dense_reshape", Chain({nn::Dense{24}, nn::Reshape{{2, 3, 4}}}), Shape{9});
  of_images("relu", nn::ReLU{});
  of_images("leaky_relu", nn::LeakyReLU{0.2F});
  of_images("prelu", nn::PReLU{});
  of_images("prelu_one_slope", nn::PReLU{.per_channel = false});
  of_flat("prelu_flat", nn::PReLU{});
  visit("prelu_behind_flatten", Chain({nn::Flatten{}, nn::PReLU{}, nn::Dense{5}}), image);
  of_images("elu", nn::ELU{0.7F});
  of_images("clip", nn::Clip{.low = -0.5F, .high = 0.75F});
  of_images("selu", nn::SELU{});
  of_images("sigmoid", nn::Sigmoid{});
  of_images("tanh", nn::Tanh{});
  of_images("softplus", nn::Softplus{});
  of_images("silu", nn::SiLU{});
  of_images("gelu", nn::GELU{});
  of_images("gelu_approximate", nn::GELU{.approximate = true});
  of_flat("softmax", nn::Softmax{});
  of_images("softmax_image", nn::Softmax{});
  of_flat("log_softmax", nn::LogSoftmax{});
  of_images("log_softmax_image", nn::LogSoftmax{});
  const nn::Conv2D conv{.filters = 4, .padding = 1};
  of_images("residual", nn::Residual<Chain>(Chain({conv, nn::ReLU{}})));
  of_images("residual_projected",
            nn::Residual<AnyLayer, AnyLayer>(Chain({conv, nn::BatchNorm{}}),
                                             nn::Conv2D{.filters = 4, .kernel = 1}));
  visit("residual_flat",
        Chain({nn::Flatten{}, nn::Residual<AnyLayer>(Chain({nn::ReLU{}, nn::Dense{168}})),
               nn::Dense{3}}),
        image);
  of_images("concat", nn::Concat<AnyLayer, AnyLayer, AnyLayer>(
                          conv, Chain({nn::MaxPool2D{3, 1, 1}, nn::ReLU{}}), nn::Identity{}));
}

/// Layers that can be written and not read.
template <class Visit>
void for_each_written_layer(const Visit& visit) {
  visit("mish", Chain({nn::Mish{}}), Shape{7, 6, 4});
  visit("sequence_hard_swish", Chain({nn::HardSwish{}}), Shape{9});
  visit("gated", Chain({nn::GatedLinearUnit{}}), Shape{5, 3, 4});
  visit("sequence_gated", Chain({nn::GatedLinearUnit{.swish = true}}), Shape{3, 8});
  const Shape image{6, 4, 8};
  const auto of_images = [&](const char* name, const AnyLayer& layer) {
    visit(name, Chain({nn::Conv2D{.filters = 8, .padding = 1}, layer}), image);
  };
  of_images("global_max_pool", nn::GlobalMaxPool2D{});
  of_images("adaptive_average_pool", nn::AdaptiveAveragePool2D{{3, 2}});
  of_images("adaptive_max_pool", nn::AdaptiveMaxPool2D{{2, 4}});
  of_images("bilinear", nn::BilinearUpSample2D{{2, 3}});
  of_images("bilinear_corners", nn::BilinearUpSample2D{.factor = 3, .align_corners = true});
  of_images("pixel_shuffle", nn::PixelShuffle{2});
  of_images("group_norm", nn::GroupNorm{.groups = 4});
  of_images("group_norm_without_scale", nn::GroupNorm{.groups = 2, .scale = false});
  of_images("instance_norm", nn::InstanceNorm{});
  of_images("drop_path", nn::DropPath{0.5F});
  const Shape rows{6, 8};
  const auto of_rows = [&](const char* name, const auto&... layers) {
    visit(name, Chain({AnyLayer(layers)...}), rows);
  };
  of_rows("sequence_dense", nn::Dense{5});
  of_rows("sequence_dense_without_bias", nn::Dense{.units = 5, .bias = false});
  of_rows("sequence_layer_norm", nn::LayerNorm{});
  of_rows("sequence_layer_norm_without_shift", nn::LayerNorm{.shift = false});
  of_rows("sequence_rms_norm", nn::RMSNorm{});
  of_rows("sequence_group_norm", nn::GroupNorm{.groups = 2});
  of_rows("sequence_positions", nn::LearnedPositions{}, nn::SinusoidalPositions{});
  of_rows("sequence_mean", nn::MeanOverSteps{});
  of_rows("sequence_lstm", nn::LSTM{.units = 5});
  of_rows("sequence_lstm_rows", nn::LSTM{.units = 5, .return_sequence = true});
  of_rows("sequence_lstm_reverse", nn::LSTM{.units = 5, .reverse = true, .bias = false});
  of_rows("sequence_gru", nn::GRU{.units = 3});
  of_rows("sequence_gru_rows", nn::GRU{.units = 3, .return_sequence = true, .bias = false});
  of_rows("sequence_attention", nn::MultiHeadAttention{.heads = 2});
  of_rows("sequence_attention_causal",
          nn::MultiHeadAttention{.heads = 4, .causal = true, .bias = false});
  of_rows("sequence_attention_rotary", nn::MultiHeadAttention{.heads = 2, .rotary = true});
  of_rows("sequence_attention_across", nn::MultiHeadAttention{.heads = 2, .queries = 2});
  // Blocks whose layers the compiler knows, as layers of a chain that it does not.
  of_images("squeeze_excitation", nn::squeeze_excitation(8, 4));
  of_rows("sequence_swap_axes", nn::residual(nn::LayerNorm{}, nn::SwapAxes{}, nn::Dense{9},
                                             nn::GELU{}, nn::Dense{6}, nn::SwapAxes{}));
  of_rows("sequence_both_ways", nn::bidirectional(nn::GRU{.units = 3, .return_sequence = true}),
          nn::bidirectional(nn::LSTM{.units = 4}), nn::Dense{2});
  const auto before =
      nn::transformer_block({.features = 8, .heads = 2, .dropout = 0.1F, .causal = true});
  const auto after =
      nn::transformer_block<nn::Norm::after>({.features = 8, .heads = 4, .rotary = true});
  of_rows("sequence_transformer_block", before, after, nn::MeanOverSteps{}, nn::Dense{3});
  visit("sequence_transformer", nn::sequential(before, after, nn::MeanOverSteps{}, nn::Dense{3}),
        rows);
}

/// Layers that heed which steps are padding; see padded_samples.
template <class Visit>
void for_each_masked_network(const Visit& visit) {
  const Shape rows{6, 8};
  const auto of_rows = [&](const char* name, const auto&... layers) {
    visit(name, Chain({AnyLayer(nn::masked(0, layers...))}), rows);
  };
  of_rows("sequence_masked_mean", nn::MeanOverSteps{});
  of_rows("sequence_masked_lstm", nn::LSTM{.units = 5});
  of_rows("sequence_masked_lstm_rows", nn::LSTM{.units = 5, .return_sequence = true});
  of_rows("sequence_masked_lstm_reverse", nn::LSTM{.units = 5, .reverse = true, .bias = false});
  of_rows("sequence_masked_gru", nn::GRU{.units = 3, .bias = false});
  of_rows("sequence_masked_both_ways",
          nn::bidirectional(nn::GRU{.units = 3, .return_sequence = true}), nn::LSTM{.units = 4});
  of_rows("sequence_masked_attention", nn::MultiHeadAttention{.heads = 2});
  of_rows("sequence_masked_attention_causal",
          nn::MultiHeadAttention{.heads = 4, .causal = true, .bias = false});
  of_rows("sequence_masked_attention_across", nn::MultiHeadAttention{.heads = 2, .queries = 2});
  const auto block =
      nn::transformer_block({.features = 8, .heads = 2, .dropout = 0.1F, .causal = true});
  visit("sequence_masked_transformer",
        nn::sequential(nn::masked(0, block, nn::MeanOverSteps{}), nn::Dense{3}), rows);
  visit("sequence_masked_tokens",
        Chain({AnyLayer(nn::masked(0, nn::Embedding{.tokens = 7, .features = 4},
                                   nn::MultiHeadAttention{.heads = 2}, nn::LSTM{.units = 3}))}),
        Shape{6});
}

/// Networks as the course's parts use them, in small.
template <class Visit>
void for_each_network(const Visit& visit) {
  visit("perceptron",
        nn::sequential(nn::Flatten{}, nn::Dense{32}, nn::ReLU{}, nn::Dense{16}, nn::Sigmoid{},
                       nn::Dense{10}, nn::Softmax{}),
        Shape{8, 8, 1});
  visit("classifier",
        nn::sequential(nn::Conv2D{.filters = 8, .kernel = 3}, nn::ReLU{},
                       nn::Conv2D{.filters = 8, .kernel = 3}, nn::ReLU{}, nn::MaxPool2D{2},
                       nn::Flatten{}, nn::Dense{32}, nn::ReLU{}, nn::Dropout{0.5F}, nn::Dense{10}),
        Shape{14, 14, 1});
  const auto block = [](nn::Index filters) {
    return nn::sequential(nn::Conv2D{.filters = filters, .padding = 1, .bias = false},
                          nn::BatchNorm{}, nn::LeakyReLU{0.1F});
  };
  visit("residual_network",
        nn::sequential(block(8), nn::residual(block(8), block(8)), nn::MaxPool2D{2},
                       nn::Residual{block(12), nn::Conv2D{.filters = 12, .kernel = 1}},
                       nn::GlobalAveragePool2D{}, nn::Dense{10}),
        Shape{12, 12, 3});
  visit("generator",
        Chain({nn::Dense{.units = 4 * 4 * 8, .bias = false}, nn::BatchNorm{}, nn::ReLU{},
               nn::Reshape{{4, 4, 8}},
               nn::ConvTranspose2D{.filters = 6,
                                   .kernel = 4,
                                   .stride = 2,
                                   .padding = nn::Padding::same(),
                                   .bias = false},
               nn::BatchNorm{}, nn::ReLU{}, nn::UpSample2D{2},
               nn::Conv2D{.filters = 1, .padding = 1}, nn::Tanh{}}),
        Shape{10});
  visit("discriminator",
        Chain({nn::Conv2D{.filters = 6, .kernel = 4, .stride = 2, .padding = 1},
               nn::LeakyReLU{0.2F}, nn::Dropout{0.3F}, nn::Flatten{}, nn::Dense{1}}),
        Shape{16, 16, 1});
  // Of Part 5: filters that whiten, then pairs of convolutions.
  const auto pair = [](nn::Index filters, const AnyLayer& activation) {
    const nn::Conv2D convolution{.filters = filters, .padding = 1, .bias = false};
    const nn::BatchNorm normalization{.scale = false};
    return Chain({convolution, nn::MaxPool2D{2}, normalization, activation, convolution,
                  normalization, activation});
  };
  const auto images = [&](const char* name, const AnyLayer& activation) {
    visit(name,
          Chain({nn::Conv2D{
                     .filters = 12, .kernel = 2, .padding = nn::Padding::same(), .bias = false},
                 activation, pair(6, activation), pair(8, activation), nn::MaxPool2D{3},
                 nn::Flatten{}, nn::Dense{.units = 10, .bias = false}}),
          Shape{12, 12, 3});
  };
  images("images", nn::ReLU{});
  images("images_gelu", nn::GELU{.approximate = true});
}

/// A model of the network whose running statistics are not the first ones.
template <class Network>
[[nodiscard]] nn::Model<Network> model_of(const Network& network, const Shape& input) {
  nn::Model<Network> model(network, input, {.seed = 5});
  nn::Random random(7);
  nn::Tensor<float> batch(input.prepended(8));
  for (float& value : batch) value = static_cast<float>(random.normal(0.3, 1.5));
  const bool reads_tokens = nn::detail::tokens_read(model.plan()) > 0;
  for (int step = 0; step < 3 && !reads_tokens; ++step) (void)model.forward(batch);
  for (float& value : model.parameters()) value += static_cast<float>(random.normal(0, 0.1));
  return model;
}

/// Random samples.
[[nodiscard]] inline nn::Tensor<float> samples_of(const Shape& input, nn::Index count) {
  nn::Random random(11);
  nn::Tensor<float> batch(input.prepended(count));
  for (float& value : batch) value = static_cast<float>(random.normal());
  return batch;
}

/// Random sequences, of tokens from 1 to 6 or of rows, that lack steps: none, the last ones, some
/// at the beginning and between, all.
[[nodiscard]] inline nn::Tensor<float> padded_samples(const Shape& input) {
  constexpr nn::Index samples = 4;
  nn::Tensor<float> batch = samples_of(input, samples);
  const bool tokens = input.rank() == 1;
  const nn::Index steps = input[0];
  const nn::Index width = tokens ? 1 : input[1];
  for (nn::Index row = 0; row < samples * steps; ++row) {
    const nn::Index sample = row / steps;
    const nn::Index step = row % steps;
    const bool padded = sample == 1   ? step > 2
                        : sample == 2 ? step == 0 || step == 3 || step == 4
                                      : sample == 3;
    for (nn::Index i = row * width; i < (row + 1) * width; ++i) {
      if (tokens) batch[i] = static_cast<float>(1 + row * 5 % 6);
      if (padded) batch[i] = 0;
    }
  }
  return batch;
}

/// The same batch with the channel first, if it is of images.
[[nodiscard]] inline nn::Tensor<float> channels_first(const nn::Tensor<float>& batch) {
  const Shape& s = batch.shape();
  if (s.rank() != 4) return batch;
  nn::Tensor<float> result({s[0], s[3], s[1], s[2]});
  for (nn::Index n = 0; n < s[0]; ++n)
    for (nn::Index y = 0; y < s[1]; ++y)
      for (nn::Index x = 0; x < s[2]; ++x)
        for (nn::Index c = 0; c < s[3]; ++c) result(n, c, y, x) = batch(n, y, x, c);
  return result;
}

}  // namespace networks
