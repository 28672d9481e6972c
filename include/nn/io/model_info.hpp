/// @file
/// What a model's file says besides its weights, so that it can be used without another source: how
/// inputs were prepared, the names of the classes, when to reject a sample, how good the model is.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/data/dataset.hpp"
#include "nn/io/architecture_options.hpp"
#include "nn/io/picture_kind.hpp"
#include "nn/io/safetensors_file.hpp"
#include "nn/train/mahalanobis.hpp"
#include "nn/train/test_time.hpp"

namespace nn {

/// When a classifier rejects a sample: between classes (the largest probability or its margin over
/// the second is too small), or far from all of them. See train/rejection.hpp.
struct RejectionRule {
  double least_probability = 0;  ///< below which the largest probability is too small
  double least_margin = 0;       ///< below which it is too little above the second
  /// Above which a sample is too far from all classes, if there is a `distance`.
  double largest_distance = std::numeric_limits<double>::infinity();
  std::string layer{};                            ///< whose output the distance is measured on
  std::optional<MahalanobisDistance> distance{};  ///< fitted to features of the training set
};

/// Facts about a model.
struct ModelInfo {
  std::vector<std::string> class_names{};         ///< in the order of the outputs; or none
  std::optional<Normalization> normalization{};   ///< of the bytes of pictures
  PictureKind picture = PictureKind::photograph;  ///< how pictures are made to fit
  ViewOptions views{.flip = false};               ///< of a picture, over which answers are averaged
  RejectionRule rejection{};                      ///< when a sample is rejected
  std::map<std::string, double> metrics{};        ///< what was measured: "test_accuracy"
  Metadata provenance{};                          ///< where it comes from: "data", "seed", ...

  /// @throws Error unless it fits a model of these inputs and outputs.
  void check(const Shape& input, const Shape& output) const {
    require(class_names.empty() || static_cast<Index>(class_names.size()) == output.size(),
            class_names.size(), " class names for ", output.size(), " outputs");
    if (normalization) normalization->check(input.rank() == 0 ? 1 : input.back());
    require(views.shift >= 0, "views moved by ", views.shift, " pixels");
  }
};

/// The names of the classes and the normalisation of a data set, for files of models that were
/// trained on it.
[[nodiscard]] inline ModelInfo info_of(const Dataset& data) {
  return {.class_names = data.class_names(), .normalization = data.normalization()};
}

namespace detail {

/// The names of PictureKind and Border in files, in the order of the enumerations.
inline constexpr const char* picture_kinds[] = {"photograph", "whole", "object", "digit"};
inline constexpr const char* border_names[] = {"zero", "reflect"};

[[nodiscard]] inline Json numbers_json(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) json.push_back(number_json(value));
  return json;
}

/// All but the distance, whose matrices are tensors.
[[nodiscard]] inline std::string info_json(const ModelInfo& info) {
  Json json = Json::object();
  if (!info.class_names.empty()) json["class_names"] = info.class_names;
  if (info.normalization) {
    json["normalization"] = {{"mean", numbers_json(info.normalization->mean)},
                             {"deviation", numbers_json(info.normalization->deviation)}};
  }
  json["picture"] = picture_kinds[static_cast<std::size_t>(info.picture)];
  json["views"] = {{"flip", info.views.flip},
                   {"shift", info.views.shift},
                   {"border", border_names[static_cast<std::size_t>(info.views.border)]}};
  const RejectionRule& rule = info.rejection;
  json["rejection"] = {{"least_probability", number_json(rule.least_probability)},
                       {"least_margin", number_json(rule.least_margin)},
                       {"largest_distance", number_json(rule.largest_distance)},
                       {"layer", rule.layer}};
  if (!info.metrics.empty()) {
    for (const auto& [name, value] : info.metrics) json["metrics"][name] = number_json(value);
  }
  if (!info.provenance.empty()) json["provenance"] = info.provenance;
  try {
    return json.dump();
  } catch (const nlohmann::json::exception& error) {
    throw Error(text("a name or a text is not UTF-8: ", error.what()));
  }
}

/// Keeps nesting within what files of models have.
[[nodiscard]] inline nlohmann::json parse_model_json(const std::string& content,
                                                     const std::string& key) {
  const auto shallow = [](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    require<FileError>(depth <= 256, "it is nested too deeply");
    return true;
  };
  try {
    return nlohmann::json::parse(content, shallow);
  } catch (const nlohmann::json::exception& error) {
    throw FileError(text("its ", key, " is not JSON: ", error.what()));
  }
}

/// Reads what `info_json` wrote. What is not there keeps its default.
class InfoReader {
 public:
  explicit InfoReader(const nlohmann::json& json) : json_(json) {
    require<FileError>(json.is_object(), "its nn.about is no object");
  }

  [[nodiscard]] ModelInfo read() const {
    ModelInfo info;
    if (const auto* names = find(json_, "class_names")) {
      info.class_names = texts("class_names", *names);
    }
    if (const auto* normalization = find(json_, "normalization")) {
      info.normalization = Normalization{.mean = numbers(*normalization, "mean"),
                                         .deviation = numbers(*normalization, "deviation")};
    }
    info.picture = static_cast<PictureKind>(choice(json_, "picture", picture_kinds, 0));
    if (const auto* views = find(json_, "views")) {
      const auto* flip = find(*views, "flip");
      info.views.flip = flip != nullptr && *flip == true;
      const double shift = number(*views, "shift", 0);
      require<FileError>(shift >= 0 && shift <= 1e4, "its views are moved by ", shift, " pixels");
      info.views.shift = static_cast<Index>(shift);
      info.views.border = static_cast<Border>(
          choice(*views, "border", border_names, static_cast<std::size_t>(Border::reflect)));
    }
    if (const auto* rule = find(json_, "rejection")) {
      info.rejection.least_probability = number(*rule, "least_probability", 0);
      info.rejection.least_margin = number(*rule, "least_margin", 0);
      info.rejection.largest_distance =
          number(*rule, "largest_distance", std::numeric_limits<double>::infinity());
      if (const auto* layer = find(*rule, "layer")) info.rejection.layer = text_of("layer", *layer);
    }
    if (const auto* metrics = find(json_, "metrics")) {
      require<FileError>(metrics->is_object(), "its metrics are no object");
      for (const auto& [name, value] : metrics->items()) {
        info.metrics[name] = OptionsReader::number(name.c_str(), value);
      }
    }
    if (const auto* provenance = find(json_, "provenance")) {
      info.provenance = parse_metadata(*provenance);
    }
    return info;
  }

 private:
  [[nodiscard]] static const nlohmann::json* find(const nlohmann::json& in, const char* name) {
    require<FileError>(in.is_object(), "what should hold '", name, "' is no object");
    const auto found = in.find(name);
    return found == in.end() ? nullptr : &*found;
  }

  [[nodiscard]] static std::string text_of(const char* name, const nlohmann::json& json) {
    require<FileError>(json.is_string(), "its ", name, " is no text");
    return json.get<std::string>();
  }

  [[nodiscard]] static std::vector<std::string> texts(const char* name,
                                                      const nlohmann::json& json) {
    require<FileError>(json.is_array(), "its ", name, " is no list");
    std::vector<std::string> result;
    for (const auto& entry : json) result.push_back(text_of(name, entry));
    return result;
  }

  [[nodiscard]] static double number(const nlohmann::json& in, const char* name, double usual) {
    const auto* found = find(in, name);
    return found == nullptr ? usual : OptionsReader::number(name, *found);
  }

  [[nodiscard]] static std::vector<double> numbers(const nlohmann::json& in, const char* name) {
    std::vector<double> result;
    const auto* found = find(in, name);
    if (found == nullptr) return result;
    require<FileError>(found->is_array(), "its ", name, " is no list");
    for (const auto& entry : *found) result.push_back(OptionsReader::number(name, entry));
    return result;
  }

  template <std::size_t count>
  [[nodiscard]] static std::size_t choice(const nlohmann::json& in, const char* name,
                                          const char* const (&names)[count], std::size_t usual) {
    const auto* found = find(in, name);
    if (found == nullptr) return usual;
    for (std::size_t i = 0; i < count; ++i) {
      if (*found == names[i]) return i;
    }
    throw FileError(text("its ", name, " '", text_of(name, *found), "' is not known here"));
  }

  const nlohmann::json& json_;
};

}  // namespace detail

}  // namespace nn
