/// @file
/// Layers that have a name instead of a number.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "nn/layers/sequential.hpp"

namespace nn {

/// A layer with a name, which takes the place of its number in the paths of parameters and layers:
///
///     nn::sequential(nn::named("features", nn::Conv2D{.filters = 8}, nn::ReLU{}, nn::Flatten{}),
///                    nn::named("head", nn::Dense{10}))
///
/// has the parameters "features.0.weight", "features.0.bias", "head.weight" and "head.bias". So
/// `model.freeze("features")`, parameter groups, `features(model, data, "features")`, files and
/// PyTorch's state_dict call them. In all else it is the layer that it names.
template <class L>
class Named : public L {
 public:
  /// Calls `layer` by a name: letters, digits, '_' and '-', the first no digit.
  /// @throws Error for another name.
  Named(std::string name, const L& layer) : L(layer), label_(std::move(name)) { check(label_); }

  /// The name.
  [[nodiscard]] const std::string& label() const { return label_; }
  /// The layer that is named.
  [[nodiscard]] const L& layer() const { return *this; }

  /// The layer's plan, under its name.
  /// @throws ShapeError when the input does not fit the layer.
  [[gnu::cold]] [[nodiscard]] Plan plan(const Shape& input) const {
    Plan plan = plan_of(layer(), input);
    plan.label = label_;
    return plan;
  }

  /// The options for files: the name and the layer's own.
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Named");
    fields("name", label_);
    fields.child(layer());
  }

 private:
  [[gnu::cold]] static void check(std::string_view name) {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    bool valid = !name.empty() && !digit(name.front());
    for (const char c : name) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      valid = valid && (letter || digit(c) || c == '_' || c == '-');
    }
    require(valid, "a layer cannot be named '", name,
            "'; expected letters, digits, '_' and '-', the first no digit");
  }

  std::string label_;
};

/// The layer under a name; several become a chain.
/// @throws Error for a name that paths cannot hold.
template <class L, class... More>
[[nodiscard]] auto named(std::string name, const L& layer, const More&... more) {
  if constexpr (sizeof...(More) == 0) {
    return Named<L>(std::move(name), layer);
  } else {
    return Named<Sequential<L, More...>>(std::move(name), sequential(layer, more...));
  }
}

}  // namespace nn
