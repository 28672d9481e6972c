/// @file
/// Part of a file's weights for part of a model: the features of one network under a new head.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/safetensors.hpp"

namespace nn {

/// Which tensors of a file go where.
struct LoadPartOptions {
  std::string from{};  ///< the file's tensors below this layer ("backbone"); "": all
  std::string into{};  ///< the model's layer that they are for ("features"); "": all
  LayerNames names{};  ///< as in `LoadOptions`, of what is left of the model's paths below `into`
  /// What the file says, and PyTorch's if it does not say.
  std::optional<WeightLayout> layout{};
};

/// What happened to every tensor. Names are the file's in `left_in_file` and the model's elsewhere.
struct LoadPartReport {
  std::vector<std::string> taken;         ///< read from the file
  std::vector<std::string> missing;       ///< below `into`, but not in the file: as they were
  std::vector<std::string> other_shape;   ///< in the file with another shape: as they were
  std::vector<std::string> left_in_file;  ///< for which the model has no place

  /// In words, one line for each list that is not empty.
  [[gnu::cold]] [[nodiscard]] std::string to_string() const {
    std::string text;
    const auto add = [&text](const char* what, const std::vector<std::string>& names) {
      if (names.empty()) return;
      ((text += what) += " (") += std::to_string(names.size()) + "): ";
      for (std::size_t i = 0; i < names.size(); ++i) (text += i == 0 ? "" : ", ") += names[i];
      text += '\n';
    };
    add("taken", taken);
    add("not in the file, kept as they were", missing);
    add("of another shape in the file, kept as they were", other_shape);
    add("left in the file", left_in_file);
    return text;
  }
};

namespace detail {

/// What is left of `name` below `layer`, or nothing where it is not below.
[[nodiscard]] inline std::optional<std::string> name_below(const std::string& name,
                                                           const std::string& layer) {
  if (layer.empty()) return name;
  if (!name.starts_with(layer + ".")) return std::nullopt;
  return name.substr(layer.size() + 1);
}

/// The file's name of a variable of the model, if it is one to read.
[[nodiscard]] inline std::optional<std::string> name_in_file(const std::string& name,
                                                             const LoadPartOptions& options) {
  const std::optional<std::string> rest = name_below(name, options.into);
  if (!rest) return std::nullopt;
  const std::string renamed = rename_layer(*rest, options.names);
  return options.from.empty() ? renamed : options.from + "." + renamed;
}

}  // namespace detail

/// Reads those tensors of a file whose names and shapes the model has, and reports what was read
/// and what was not. All other parameters and states stay as they are.
///
///     // A network with other classes: all but the last layer.
///     std::cout << nn::load_part(model, "digits.safetensors").to_string();
///     // The file's "encoder" becomes the model's "features".
///     nn::load_part(model, "autoencoder.safetensors", {.from = "encoder", .into = "features"});
/// @throws FileError when the file is malformed or holds nothing for the model, which is then as it
/// was; Error when the model has no layer `into`.
template <class Network, class T>
LoadPartReport load_part(Model<Network, T>& model, const std::filesystem::path& path,
                         const LoadPartOptions& options = {}) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  const WeightLayout layout = options.layout ? *options.layout : detail::layout_of(file);
  const detail::StoredVariables variables = detail::stored_variables(model.plan(), layout);
  LoadPartReport report;
  std::set<std::string> known;
  bool exists = false;
  std::vector<std::pair<T*, T>> changes;  // made when nothing can fail any more
  const auto look_for = [&](const detail::StoredVariable& variable, T* block) {
    const std::optional<std::string> name = detail::name_in_file(variable.name, options);
    if (!name) return;
    exists = true;
    if (const auto counter = detail::batch_counter(*name)) known.insert(*counter);
    if (!file.contains(*name)) return report.missing.push_back(variable.name);
    if (file.at(*name).shape != variable.shape) {
      known.insert(*name);
      return report.other_shape.push_back(detail::text(variable.name, " (", file.at(*name).shape,
                                                       " there, ", variable.shape, " here)"));
    }
    known.insert(*name);
    if (detail::is_quantized(file, *name)) known.insert(detail::scales_name(*name));
    const Tensor<T> values = detail::get_scaled<T>(file, *name);
    detail::for_each_element(variable, [&](Index in_model, Index in_file) {
      changes.emplace_back(block + variable.offset + in_model, values[in_file]);
    });
    report.taken.push_back(variable.name);
  };
  for (const auto& variable : variables.parameters) look_for(variable, model.parameters().data());
  for (const auto& variable : variables.states) look_for(variable, model.state().data());
  require(exists, "the model has no layer '", options.into, "' with parameters");
  for (const auto& [name, tensor] : file.tensors()) {
    if (!known.contains(name)) report.left_in_file.push_back(name);
  }
  require<FileError>(!report.taken.empty(), "nothing of ", path, " is for this model:\n",
                     report.to_string());
  for (const auto& [place, value] : changes) *place = value;
  return report;
}

}  // namespace nn
