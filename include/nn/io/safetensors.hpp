/// @file
/// The weights of models in safetensors files: `save` and `load`.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nn/core/number_list.hpp"
#include "nn/io/model_description.hpp"
#include "nn/io/quantization.hpp"
#include "nn/io/safetensors_file.hpp"
#include "nn/io/weight_layout.hpp"
#include "nn/train/model.hpp"

namespace nn {

/// How weights are written.
struct SaveOptions {
  WeightLayout layout = WeightLayout::native;  ///< of the tensors in the file
  Metadata metadata{};  ///< what else to put into the file; keys that start with "nn." are taken
  LayerNames names{};   ///< where the file is to have other names
  /// The number type in the file: F64, F32, F16, BF16 or I8, to which the weights are rounded; the
  /// model's own if nothing is said. F16 makes a file of half the size, I8 of a quarter: filters
  /// and matrices become whole numbers, and "NAME.scale" beside them what to multiply them by, one
  /// number for each output channel; everything else is stored as F32.
  std::optional<ElementType> type{};
  /// Facts about the model: the names of its classes, how its inputs were normalised, how good it
  /// is.
  ModelInfo about{};
};

/// How weights are read.
struct LoadOptions {
  /// What the file says, and PyTorch's if it does not say.
  std::optional<WeightLayout> layout{};
  LayerNames names{};  ///< where the file has other names
  /// Whether the model must still give the output that was stored with the weights.
  bool check = true;
};

/// Writes a model to a safetensors file: its parameters and states, and, so that `load_model` (see
/// io/model_file.hpp) makes it again without the network's source, its layers with all their
/// options and `options.about`. With
/// `.layout = nn::WeightLayout::pytorch` it holds what `load_state_dict` of the same architecture
/// takes: `safetensors.torch.load_file(path)`.
///
/// The metadata hold, besides `options.metadata`, "nn.format" (2), "nn.layout", "nn.network" (the
/// layers, in words), "nn.model" (the same as JSON), "nn.about" (JSON), "nn.input_shape" (one
/// sample) and a check: "nn.check.input", a sample in the order height, width, channel, and
/// "nn.check.output", the model's output for it; both are decimal numbers separated by spaces.
/// @throws FileError when the file cannot be written: what was there before is then still there.
/// @throws Error when the layout cannot express the network, or the type no fractions.
template <class Network, class T>
void save(const Model<Network, T>& model, const std::filesystem::path& path,
          const SaveOptions& options = {});

/// Reads the parameters and states of a model from a safetensors file, by name, in whatever number
/// type they are stored. Returns the file's metadata.
/// @throws FileError when the file is malformed; when tensors are missing, too many or misshapen,
/// naming all of them; and when the model does not give the output stored with the weights. The
/// model is then as it was.
template <class Network, class T>
Metadata load(Model<Network, T>& model, const std::filesystem::path& path,
              const LoadOptions& options = {});

/// What `save` writes, for a caller with a place of its own to put it.
template <class Network, class T>
[[nodiscard]] SafetensorsFile to_safetensors(const Model<Network, T>& model,
                                             const SaveOptions& options = {});

/// What `load` does with a file that has been read.
/// @throws as `load`.
template <class Network, class T>
void from_safetensors(Model<Network, T>& model, const SafetensorsFile& file,
                      const LoadOptions& options = {});

namespace detail {

[[nodiscard]] inline std::string rename_layer(const std::string& name, const LayerNames& names) {
  const std::size_t dot = name.rfind('.');
  const auto found = names.find(dot == std::string::npos ? "" : name.substr(0, dot));
  if (found == names.end()) return name;
  const std::string rest = name.substr(dot == std::string::npos ? 0 : dot + 1);
  return found->second.empty() ? rest : found->second + "." + rest;
}

/// The model's variables as in the file, under the file's names.
[[nodiscard]] inline StoredVariables stored_variables(const Plan& plan, WeightLayout layout,
                                                      const LayerNames& names) {
  StoredVariables variables = stored_variables(plan, layout);
  for (auto* list : {&variables.parameters, &variables.states}) {
    for (StoredVariable& variable : *list) variable.name = rename_layer(variable.name, names);
  }
  return variables;
}

/// PyTorch's count of the batches of a BatchNorm, which is not needed here.
[[nodiscard]] inline std::optional<std::string> batch_counter(const std::string& name) {
  constexpr std::string_view statistics = "running_mean";
  if (!name.ends_with(statistics)) return std::nullopt;
  return name.substr(0, name.size() - statistics.size()) + "num_batches_tracked";
}

/// "Conv2D{6, 5x5}, ReLU{}, Dense{10}".
[[nodiscard]] inline std::string describe(const Plan& plan) {
  if (plan.children.empty()) return plan.name;
  std::string text;
  for (const Plan& child : plan.children) text += (text.empty() ? "" : ", ") + describe(child);
  return plan.path.empty() ? text : plan.name + "(" + text + ")";
}

/// Of how many tokens a network's samples are made; 0 where they are any numbers.
[[nodiscard]] inline Index tokens_read(const Plan& plan) {
  Index tokens = plan.traits.tokens;
  for (const Plan& child : plan.children) {
    const Index read = tokens_read(child);
    if (read > 0) tokens = tokens > 0 ? std::min(tokens, read) : read;
    // Only the first layer of a chain reads its input, or one after changes of shape.
    if (!plan.buffer_sizes.empty() && !child.traits.view) break;
  }
  return tokens;
}

/// A sample of tokens, where the network reads these, or else of multiples of 1/8 from -1 to 1,
/// which have few digits and are exact in any type.
template <class T>
[[nodiscard]] Tensor<T> check_input(const Plan& plan) {
  Tensor<T> input(plan.input.prepended(1));
  Random random(0x6e6e);
  const Index tokens = tokens_read(plan);
  for (T& value : input) {
    value = tokens > 0 ? static_cast<T>(random.below(tokens))
                       : static_cast<T>(random.below(17) - 8) / T(8);
  }
  return input;
}

/// @throws FileError unless both outputs are the same but for rounding, which may differ between
/// machines.
template <class T>
void require_same_output(std::span<const T> expected, std::span<const T> found) {
  T largest = 0;
  for (const T value : expected) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  const T tolerance = T(1e-4) * (1 + largest);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const bool same = std::isfinite(expected[i]) ? std::abs(found[i] - expected[i]) <= tolerance
                                                 : !std::isfinite(found[i]);
    require<FileError>(same,
                       "with these weights the model gives another output than the one stored"
                       " with them: element ",
                       i, " is ", found[i], " instead of ", expected[i],
                       "; the layers or their options differ");
  }
}

template <class T>
[[nodiscard]] SafetensorsFile file_of(const StoredVariables& variables, const T* parameters,
                                      const T* states, const SaveOptions& options = {}) {
  SafetensorsFile file;
  const ElementType type = options.type.value_or(nn::element_type_of<T>());
  const bool whole = type == ElementType::i8;
  const bool native = options.layout == WeightLayout::native;
  const auto put = [&](const StoredVariable& variable, const T* block) {
    Tensor<T> values(variable.shape);
    for_each_element(variable, [&](Index in_model, Index in_file) {
      values[in_file] = block[variable.offset + in_model];
    });
    require(!file.contains(variable.name), "two tensors would be called '", variable.name, "'");
    const TensorView<const T> view = std::as_const(values).view();
    if (whole && view.shape().rank() > 1) {
      put_quantized(file, variable.name, view, native ? view.shape().rank() - 1 : 0);
    } else {
      file.put(variable.name, view, whole ? ElementType::f32 : type);
    }
  };
  for (const StoredVariable& variable : variables.parameters) put(variable, parameters);
  for (const StoredVariable& variable : variables.states) put(variable, states);
  return file;
}

/// Lists all tensors that are missing, too many or misshapen; empty when there are none.
[[nodiscard]] inline std::string mismatches(const StoredVariables& variables,
                                            const SafetensorsFile& file) {
  std::string problems;
  std::set<std::string> known;
  for (const auto* list : {&variables.parameters, &variables.states}) {
    for (const StoredVariable& variable : *list) {
      known.insert(variable.name);
      if (const auto counter = batch_counter(variable.name)) known.insert(*counter);
      if (!file.contains(variable.name)) {
        problems += text("\n  missing: ", variable.name, " (", variable.shape, ")");
      } else if (file.at(variable.name).shape != variable.shape) {
        problems += text("\n  misshapen: ", variable.name, " is ", file.at(variable.name).shape,
                         " in the file, and ", variable.shape, " in the model");
      } else if (is_quantized(file, variable.name)) {
        known.insert(scales_name(variable.name));
      }
    }
  }
  for (const auto& [name, tensor] : file.tensors()) {
    if (name.starts_with("nn.")) continue;  // of model_description.hpp
    if (!known.contains(name)) problems += text("\n  extra: ", name, " (", tensor.shape, ")");
  }
  return problems;
}

template <class T>
[[nodiscard]] Tensor<T> block_of(const std::vector<StoredVariable>& variables,
                                 const SafetensorsFile& file, Index size) {
  Tensor<T> block(Shape{size});
  for (const StoredVariable& variable : variables) {
    const Tensor<T> values = get_scaled<T>(file, variable.name);
    for_each_element(variable, [&](Index in_model, Index in_file) {
      block[variable.offset + in_model] = values[in_file];
    });
  }
  return block;
}

/// Gives the model what the file holds.
template <class Network, class T>
void read_into(Model<Network, T>& model, const StoredVariables& variables,
               const SafetensorsFile& file) {
  const auto parameters = block_of<T>(variables.parameters, file, model.parameters().size());
  const auto state = block_of<T>(variables.states, file, model.state().size());
  std::copy(parameters.begin(), parameters.end(), model.parameters().begin());
  std::copy(state.begin(), state.end(), model.state().begin());
}

/// The layout that a file names; PyTorch's for files of other programs, which name none.
[[nodiscard]] inline WeightLayout layout_of(const SafetensorsFile& file) {
  const auto found = file.metadata.find("nn.layout");
  if (found == file.metadata.end() || found->second == "pytorch") return WeightLayout::pytorch;
  require<FileError>(found->second == "native", "its layout '", found->second, "' is unknown");
  return WeightLayout::native;
}

/// Runs the check that the file carries, if it does.
template <class Network, class T>
void run_check(const Model<Network, T>& model, const Metadata& metadata) {
  const auto input_text = metadata.find("nn.check.input");
  const auto output_text = metadata.find("nn.check.output");
  if (input_text == metadata.end() || output_text == metadata.end()) return;
  const Shape& shape = model.input_shape();
  const auto input = parse_number_list<T>(input_text->second, shape.size(), "nn.check.input");
  const auto expected =
      parse_number_list<T>(output_text->second, model.output_shape().size(), "nn.check.output");
  const Tensor<T> output = model.predict(TensorView<const T>(input.data(), shape.prepended(1)));
  require_same_output<T>(expected, output.span());
}

}  // namespace detail

template <class Network, class T>
SafetensorsFile to_safetensors(const Model<Network, T>& model, const SaveOptions& options) {
  require(model.learns(),
          "the inference form of a model is not saved; save the model that it is made of");
  const auto variables = detail::stored_variables(model.plan(), options.layout, options.names);
  SafetensorsFile file =
      detail::file_of<T>(variables, model.parameters().data(), model.state().data(), options);
  if (options.layout == WeightLayout::pytorch) {
    for (const auto& variable : variables.states) {
      const auto counter = detail::batch_counter(variable.name);
      if (counter) file.put(*counter, Tensor<std::int64_t>(Shape{}).view());
    }
  }
  for (const auto& [key, value] : options.metadata) {
    require(!key.starts_with("nn."), "the metadata key '", key,
            "' is taken: the library's own start with \"nn.\"");
    file.metadata[key] = value;
  }
  const bool native = options.layout == WeightLayout::native;
  const Tensor<T> input = detail::check_input<T>(model.plan());
  file.metadata["nn.layout"] = native ? "native" : "pytorch";
  file.metadata["nn.network"] = detail::describe(model.plan());
  options.about.check(model.input_shape(), model.output_shape());
  detail::put_description(file, model.network(), model.input_shape(), options.names, options.about);
  file.metadata["nn.input_shape"] = model.input_shape().to_string();
  file.metadata["nn.check.input"] = number_list<T>(input.span());
  std::optional<Model<Network, T>> rounded;  // what a reader will have
  if (options.type.value_or(element_type_of<T>()) != element_type_of<T>()) {
    rounded.emplace(model);
    detail::read_into(*rounded, variables, file);
  }
  const Tensor<T> output = (rounded ? *rounded : model).predict(input);
  file.metadata["nn.check.output"] = number_list<T>(output.span());
  return file;
}

template <class Network, class T>
void save(const Model<Network, T>& model, const std::filesystem::path& path,
          const SaveOptions& options) {
  to_safetensors(model, options).write(path);
}

template <class Network, class T>
void from_safetensors(Model<Network, T>& model, const SafetensorsFile& file,
                      const LoadOptions& options) {
  detail::require_known_format(file.metadata);
  const WeightLayout layout = options.layout ? *options.layout : detail::layout_of(file);
  const auto variables = detail::stored_variables(model.plan(), layout, options.names);
  const std::string problems = detail::mismatches(variables, file);
  require<FileError>(problems.empty(), "its tensors are not this model's:", problems);

  auto parameters = detail::block_of<T>(variables.parameters, file, model.parameters().size());
  auto state = detail::block_of<T>(variables.states, file, model.state().size());
  const auto exchange = [&] {
    std::swap_ranges(parameters.begin(), parameters.end(), model.parameters().begin());
    std::swap_ranges(state.begin(), state.end(), model.state().begin());
  };
  exchange();
  if (!options.check) return;
  try {
    detail::run_check(model, file.metadata);
  } catch (...) {
    exchange();
    throw;
  }
}

template <class Network, class T>
Metadata load(Model<Network, T>& model, const std::filesystem::path& path,
              const LoadOptions& options) {
  SafetensorsFile file = SafetensorsFile::read(path);
  try {
    from_safetensors(model, file, options);
  } catch (const Error& error) {
    throw FileError(detail::text("cannot load ", path.string(), ": ", error.what()));
  }
  return std::move(file.metadata);
}

}  // namespace nn
