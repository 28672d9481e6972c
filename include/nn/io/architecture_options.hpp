/// @file
/// Sets a layer's options to what a file says.
#pragma once

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "nn/io/architecture.hpp"

namespace nn::detail {

/// Gives layers the options that stand in JSON. An option that the file does not name keeps its
/// default: the file is older than the option.
///
/// Numbers are bounded, so that no arithmetic on shapes overflows and nothing is made that a file
/// only claims.
class OptionsReader final : public Fields {
 public:
  /// `node` must outlive the reader, and be an object.
  explicit OptionsReader(const nlohmann::json& node) : node_(node) {}

  void layer(const char* kind) override {
    const auto found = node_.find("layer");
    require<FileError>(found != node_.end() && *found == kind, "a layer of this name is a ", kind);
  }
  void undescribed(const std::string& name) override {
    throw FileError(text(name, " does not tell its options"));
  }

  /// @throws FileError when the file has options that the layer has not asked for.
  void finish() const {
    for (const auto& [name, value] : node_.items()) {
      require<FileError>(name == "layer" || known_.contains(name), "it has the option '", name,
                         "', which is not known here: the file may be of a newer version");
    }
  }

 protected:
  void visit(const char* name, bool& value) override {
    const nlohmann::json* found = find(name);
    if (found == nullptr) return;
    expect(found->is_boolean(), name, "true or false", *found);
    value = found->get<bool>();
  }
  void visit(const char* name, Index& value) override {
    if (const auto* found = find(name)) value = whole(name, *found, largest_count);
  }
  void visit(const char* name, float& value) override {
    const nlohmann::json* found = find(name);
    if (found == nullptr) return;
    const double read = number(name, *found);
    expect(!std::isfinite(read) || std::abs(read) <= double{std::numeric_limits<float>::max()},
           name, "a number of single precision", *found);
    value = static_cast<float>(read);
  }
  void visit(const char* name, double& value) override {
    if (const auto* found = find(name)) value = number(name, *found);
  }
  void visit(const char* name, std::string& value) override {
    const nlohmann::json* found = find(name);
    if (found == nullptr) return;
    expect(found->is_string(), name, "a text", *found);
    value = found->get<std::string>();
  }
  void visit(const char* name, Shape& value) override {
    if (const auto* found = find(name)) value = shape_from(name, *found);
  }
  void visit(const char* name, Extent2D& value) override {
    const nlohmann::json* found = find(name);
    if (found == nullptr) return;
    expect(found->is_array() && found->size() == 2, name, "a height and a width", *found);
    value = {whole(name, (*found)[0], largest_extent), whole(name, (*found)[1], largest_extent)};
  }
  void visit(const char* name, Padding& value) override {
    const nlohmann::json* found = find(name);
    if (found == nullptr) return;
    if (*found == "same") {
      value = Padding::same();
      return;
    }
    expect(found->is_array() && found->size() == 4, name, "\"same\" or four numbers", *found);
    const auto side = [&](std::size_t i) { return whole(name, (*found)[i], largest_extent); };
    value = {side(0), side(1), side(2), side(3)};
  }
  void visit(const char* name, Initializer& value) override {
    if (const auto* found = find(name)) value = initializer_from(name, *found);
  }
  void begin_child() override { throw FileError("a layer made of layers cannot be read"); }
  void end_child() override {}

 public:
  /// @{ What stands in JSON as the option `name`. @throws FileError when it is something else.
  [[nodiscard]] static Shape shape_from(const char* name, const nlohmann::json& json) {
    expect(json.is_array() && json.size() <= static_cast<std::size_t>(Shape::max_rank), name,
           "a list of extents", json);
    Shape shape;
    for (const auto& extent : json) {
      const Index count = whole(name, extent, largest_count);
      expect(count >= 0, name, "a list of extents", json);
      shape.push_back(count);
    }
    return shape;
  }
  [[nodiscard]] static double number(const char* name, const nlohmann::json& json) {
    if (json == "inf") return std::numeric_limits<double>::infinity();
    if (json == "-inf") return -std::numeric_limits<double>::infinity();
    if (json == "nan") return std::numeric_limits<double>::quiet_NaN();
    expect(json.is_number(), name, "a number", json);
    return json.get<double>();
  }
  /// @}

 private:
  static constexpr Index largest_count = Index{1} << 28;   // filters, units, extents of a shape
  static constexpr Index largest_extent = Index{1} << 15;  // of a window, a stride, a padding

  static void expect(bool is, const char* name, const char* what, const nlohmann::json& found) {
    if (is) return;
    const std::string shown =
        found.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).substr(0, 80);
    throw FileError(text("its option '", name, "' should be ", what, ", and is ", shown));
  }

  [[nodiscard]] static Index whole(const char* name, const nlohmann::json& json, Index largest) {
    expect(json.is_number_integer(), name, "a whole number", json);
    const bool fits = !json.is_number_unsigned() ||
                      json.get<std::uint64_t>() <= static_cast<std::uint64_t>(largest);
    expect(fits && json.get<std::int64_t>() >= -largest, name, text("at most ", largest).c_str(),
           json);
    return static_cast<Index>(json.get<std::int64_t>());
  }

  [[nodiscard]] static Initializer initializer_from(const char* name, const nlohmann::json& json) {
    expect(json.is_object() && json.contains("kind") && json.contains("scale"), name,
           "an initialiser", json);
    const double scale = number(name, json["scale"]);
    if (json["kind"] == "orthogonal") return orthogonal(scale);
    if (json["kind"] == "dirac") return dirac(scale);
    if (json["kind"] == "own") return zeros();  // the function is not in the file
    Initializer result{.scale = scale};
    bool known = false;
    for (std::size_t kind = 0; kind < std::size(initializer_kinds); ++kind) {
      if (json["kind"] != initializer_kinds[kind]) continue;
      for (std::size_t fan = 0; fan < std::size(initializer_fans); ++fan) {
        if (!json.contains("fan") || json["fan"] != initializer_fans[fan]) continue;
        result.kind = static_cast<Initializer::Kind>(kind);
        result.fan = static_cast<Initializer::Fan>(fan);
        known = true;
      }
    }
    expect(known, name, "an initialiser", json);
    return result;
  }

  [[nodiscard]] const nlohmann::json* find(const char* name) {
    known_.insert(name);
    const auto found = node_.find(name);
    return found == node_.end() ? nullptr : &*found;
  }

  const nlohmann::json& node_;
  std::set<std::string> known_;
};

}  // namespace nn::detail
