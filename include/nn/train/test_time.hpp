/// @file
/// Test-time augmentation: a network is shown several views of each image, and its answers are
/// averaged.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "nn/data/warp.hpp"
#include "nn/train/evaluate.hpp"

namespace nn {

/// Which views of an image there are.
struct ViewOptions {
  bool flip = true;                 ///< each view also mirrored left to right
  Index shift = 0;                  ///< also moved by so many pixels, up and left, down and right
  Border border = Border::reflect;  ///< what comes in at the edges
};

/// The views as augmentations without anything random: the image as it is first, then the others
/// (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.5, has the same
/// six).
/// @throws Error for a negative shift.
[[nodiscard]] inline std::vector<Augmentation> views(const ViewOptions& options = {}) {
  require(options.shift >= 0, "views moved by ", options.shift, " pixels");
  const auto view = [border = options.border](Index move, bool mirrored) -> Augmentation {
    if (move == 0 && !mirrored) return {};
    return [=](TensorView<float> image, ImageContext& context) {
      if (mirrored) flip_horizontally(image);
      if (move == 0) return;
      const TensorView<float> original{context.scratch(image.size()).data(), image.shape()};
      std::copy(image.begin(), image.end(), original.begin());
      shift_image<float>(original, image, move, move, border);
    };
  };
  std::vector<Augmentation> result;
  for (const Index move : {Index{0}, -options.shift, options.shift}) {
    if (move == 0 && !result.empty()) continue;
    result.push_back(view(move, false));
    if (options.flip) result.push_back(view(move, true));
  }
  return result;
}

/// The mean of the network's outputs for every view of each sample, in the order of the data set:
/// N x ... For logits that is the logarithm of the views' geometric mean probability, but for a
/// constant.
/// @throws Error without views, and what `predict` throws.
template <class Network, class T>
[[nodiscard]] Tensor<T> predict_views(const Model<Network, T>& model, const DataView& data,
                                      std::span<const Augmentation> views) {
  require(!views.empty(), "predict_views needs a view at least");
  Tensor<T> sum;
  for (const Augmentation& view : views) {
    Tensor<T> outputs = predict(model, data, {.augmentation = view});
    if (sum.empty()) {
      sum = std::move(outputs);
    } else {
      sum.array() += outputs.array();
    }
  }
  sum.array() /= static_cast<T>(views.size());
  return sum;
}

/// The same for the views that `options` describe: `nn::predict_views(model, test, {.shift = 1})`.
template <class Network, class T>
[[nodiscard]] Tensor<T> predict_views(const Model<Network, T>& model, const DataView& data,
                                      const ViewOptions& options = {}) {
  const std::vector<Augmentation> all = views(options);
  return predict_views(model, data, std::span<const Augmentation>(all));
}

}  // namespace nn
