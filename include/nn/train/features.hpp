/// @file
/// Features: the outputs of a network's inner layers.
#pragma once

#include <string>
#include <string_view>

#include "nn/train/evaluate.hpp"

namespace nn {

namespace detail {

/// The layer that computes the output of the layer at `path`: the layer before may compute an
/// activation.
/// @throws Error when there is no such layer.
[[nodiscard]] inline const Plan& computing_layer(const Plan& root, std::string_view path) {
  const Plan* found = nullptr;
  std::string known;
  Plan::for_each(root, [&](const Plan& plan) {
    if (plan.path == path && found == nullptr) found = &plan;  // the root
    for (std::size_t i = 0; i < plan.children.size(); ++i) {
      const Plan& child = plan.children[i];
      known += (known.empty() ? "" : ", ") + child.path;
      if (child.path != path) continue;
      found = &child;
      if (i == 0) continue;
      const Plan& before = plan.children[i - 1];
      const bool fused = child.traits.is_activation && before.traits.fuses_activation &&
                         before.buffer == child.buffer;
      if (fused) found = &before;
    }
  });
  require(found != nullptr, "there is no layer at '", path, "'; there are: ", known);
  return *found;
}

/// Collects one layer's results, batch after batch.
template <class T>
class Recorder final : public Observer<T> {
 public:
  Recorder(const Plan& layer, TensorView<T> results) : path_(layer.path), results_(results) {}

  void before(const Plan& /*plan*/, bool /*is_backward*/) override {}
  void after(const Plan& plan, bool is_backward, TensorView<const T> result) override {
    if (is_backward || plan.path != path_) return;
    std::copy(result.begin(), result.end(), results_.begin() + done_);
    done_ += result.size();
  }
  [[nodiscard]] Index done() const { return done_; }

 private:
  std::string path_;
  TensorView<T> results_;
  Index done_ = 0;
};

}  // namespace detail

/// The output of the layer at `path` ("5", "2.1", "head"; with the activation that follows it,
/// where there is one) for every sample, in the order of the data set: N x the layer's output.
/// @throws Error when there is no such layer or no samples.
template <class Network, class T>
[[nodiscard]] Tensor<T> features(const Model<Network, T>& model, const DataView& data,
                                 std::string_view path) {
  const Plan& layer = detail::computing_layer(model.plan(), path);
  Tensor<T> results(layer.output.prepended(data.size()));
  detail::Recorder<T> recorder(layer, results);
  require(!data.empty(), "cannot find the features of ", data, ": it is empty");
  LoaderOptions loading;
  loading.batch_size = std::min<Index>(256, data.size());
  loading.shuffle = false;
  Loader<T> loader(data, loading);
  Tensor<T> outputs;
  for (const Batch<T>& batch : loader.epoch(0)) {
    outputs.resize(model.output_shape().prepended(batch.size()));
    model.predict(batch.inputs, outputs, &recorder);
  }
  require(recorder.done() == results.size(), "the layer at '", path,
          "' only changes the shape of what the one before it gives out; ask for that one");
  return results;
}

}  // namespace nn
