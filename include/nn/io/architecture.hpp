/// @file
/// Networks as JSON: each layer's type and options, as its `fields` tells them (see
/// layers/fields.hpp).
#pragma once

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/layers/layer.hpp"

namespace nn::detail {

/// JSON whose keys stay in the order in which they were set.
using Json = nlohmann::ordered_json;

/// A number as JSON, which has none that are not finite: "inf", "-inf" and "nan" stand for them.
[[nodiscard]] inline Json number_json(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

/// The same for a float, in as few digits as are read back to it.
[[nodiscard]] inline Json number_json(float value) {
  if (!std::isfinite(value)) return number_json(static_cast<double>(value));
  for (const int digits : {6, 9}) {
    char written[40];
    std::snprintf(written, sizeof(written), "%.*e", digits - 1,  // NOLINT(*-vararg)
                  static_cast<double>(value));
    const double read = std::strtod(written, nullptr);
    if (static_cast<float>(read) == value) return read;
  }
  return static_cast<double>(value);
}

[[nodiscard]] inline Json shape_json(const Shape& shape) {
  Json extents = Json::array();
  for (Index axis = 0; axis < shape.rank(); ++axis) extents.push_back(shape[axis]);
  return extents;
}

/// The names of an initialiser's kinds and fans in files, in the order of the enumerations.
inline constexpr const char* initializer_kinds[] = {"constant", "normal", "truncated_normal",
                                                    "uniform"};
inline constexpr const char* initializer_fans[] = {"none", "in", "out", "average"};

[[nodiscard]] inline Json initializer_json(const Initializer& initializer) {
  Json json;
  if (initializer.kind != Initializer::Kind::other) {
    json["kind"] = initializer_kinds[static_cast<std::size_t>(initializer.kind)];
    json["fan"] = initializer_fans[static_cast<std::size_t>(initializer.fan)];
  } else if (initializer.fill == orthogonal().fill) {
    json["kind"] = "orthogonal";
  } else if (initializer.fill == dirac().fill) {
    json["kind"] = "dirac";
  } else {
    json["kind"] = "own";
  }
  json["scale"] = number_json(initializer.scale);
  return json;
}

/// Writes the fields of layers.
class ArchitectureWriter final : public Fields {
 public:
  /// The layer and all below it.
  [[nodiscard]] Json take() { return std::move(open_.front()); }

  /// The name of a layer that does not tell its options, or nothing.
  [[nodiscard]] const std::string& undescribed_layer() const { return undescribed_; }

  void layer(const char* kind) override { open_.back()["layer"] = kind; }
  void undescribed(const std::string& name) override { undescribed_ = name; }

 protected:
  void visit(const char* name, bool& value) override { set(name, value); }
  void visit(const char* name, Index& value) override { set(name, value); }
  void visit(const char* name, float& value) override { set(name, number_json(value)); }
  void visit(const char* name, double& value) override { set(name, number_json(value)); }
  void visit(const char* name, std::string& value) override { set(name, value); }
  void visit(const char* name, Shape& value) override { set(name, shape_json(value)); }
  void visit(const char* name, Extent2D& value) override {
    set(name, Json::array({value.height, value.width}));
  }
  void visit(const char* name, Padding& value) override {
    if (value.is_same) return set(name, "same");
    set(name, Json::array({value.top, value.bottom, value.left, value.right}));
  }
  void visit(const char* name, Initializer& value) override { set(name, initializer_json(value)); }

  void begin_child() override { open_.emplace_back(Json::object()); }
  void end_child() override {
    Json child = std::move(open_.back());
    open_.pop_back();
    open_.back()["layers"].push_back(std::move(child));
  }

 private:
  void set(const char* name, Json value) {
    require(!open_.back().contains(name), "a layer has two options called '", name,
            R"(' ("layer" and "layers" are taken))");
    open_.back()[name] = std::move(value);
  }

  std::vector<Json> open_{Json::object()};  // the layers being written, outermost first
  std::string undescribed_;
};

}  // namespace nn::detail
