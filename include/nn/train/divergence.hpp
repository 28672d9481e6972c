/// @file
/// Where a NaN or an infinity came from.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "nn/train/model.hpp"

namespace nn {

namespace detail {

template <class T>
[[gnu::noinline]] [[nodiscard]] bool all_finite(TensorView<const T> values) {
  return std::all_of(values.begin(), values.end(), [](T value) { return std::isfinite(value); });
}

/// Remembers the first layer whose result was not finite.
template <class T>
class FiniteWatch final : public Observer<T> {
 public:
  void before(const Plan& /*plan*/, bool /*is_backward*/) override {}
  void after(const Plan& plan, bool is_backward, TensorView<const T> result) override {
    if (found_ || is_backward || all_finite(result)) return;
    found_ = true;
    name_ = plan.path.empty() ? plan.name : text(plan.name, " (layer ", plan.path, ")");
  }
  [[nodiscard]] bool found() const { return found_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  bool found_ = false;
  std::string name_;
};

/// "2.weight", the first parameter that is not finite, or "".
template <class Network, class T>
[[gnu::cold]] [[nodiscard]] std::string broken_parameter(const Model<Network, T>& model) {
  for (const Variable& variable : model.variables()) {
    if (!all_finite<T>({model.parameters().data() + variable.offset, variable.shape})) {
      return variable.name;
    }
  }
  return {};
}

}  // namespace detail

/// Where the last training pass, over `inputs`, first produced an infinity or NaN, in words: in the
/// inputs, in a layer's activations, or in neither. Runs the pass again.
template <class Network, class T>
[[gnu::cold, gnu::noinline]] [[nodiscard]] std::string explain_divergence(
    Model<Network, T>& model, TensorView<const T> inputs) {
  for (Index i = 0; i < inputs.shape().front(); ++i) {
    if (!detail::all_finite<T>(inputs.sample(i))) {
      return detail::text("sample ", i, " of the batch holds what is infinite or NaN");
    }
  }
  const std::string parameter = detail::broken_parameter(model);
  detail::FiniteWatch<T> watch;
  model.observe(&watch);
  model.set_step(model.step() - 1);  // the same random numbers again
  (void)model.forward(inputs);
  model.observe(nullptr);
  if (!watch.found()) return "all activations are finite, so it came about in the loss itself";
  return detail::text(
      "the activations of ", watch.name(), " were the first to become infinite or NaN",
      parameter.empty() ? "" : ", and so are its weights or those before it: ", parameter);
}

}  // namespace nn
