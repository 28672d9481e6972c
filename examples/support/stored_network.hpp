/// @file
/// Networks of part 5 as files: weights, and what there is to know of them to use them again.
#pragma once

#include <nn/io/safetensors.hpp>

#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "support/any_picture.hpp"
#include "support/doubt.hpp"
#include "support/files.hpp"
#include "support/recipe_network.hpp"

namespace example {

/// A byte a weight, which makes the file a quarter as large.
inline constexpr nn::ElementType stored_type = nn::ElementType::i8;

namespace detail {

inline std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

inline std::vector<std::string> parted(const std::string& text) {
  std::vector<std::string> names;
  std::stringstream in(text);
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  return names;
}

inline std::string numbers(const std::vector<double>& values) {
  return nn::number_list(std::span<const double>(values));
}

inline nn::Shape shape_of(const std::string& dataset) {
  return dataset == "cifar-10" ? nn::Shape{32, 32, 3} : nn::Shape{28, 28, 1};
}

}  // namespace detail

/// Saves a network, in the words of `load_weights` and in those of nn::Classifier.
/// @param origin "dataset", "recipe" and whatever else tells where the network is from
/// @param accuracies "test_accuracy" and others, by name
inline void save_weights(const std::filesystem::path& file, const ImageModel& model,
                         const nn::Dataset& training, const nn::ViewOptions& views,
                         const nn::Metadata& origin, const nn::Metadata& accuracies) {
  nn::Metadata metadata = origin;
  metadata.insert(accuracies.begin(), accuracies.end());
  metadata["class_names"] = detail::joined(training.class_names());
  metadata["mean"] = detail::numbers(training.normalization().mean);
  metadata["deviation"] = detail::numbers(training.normalization().deviation);
  metadata["views_flip"] = views.flip ? "1" : "0";
  metadata["views_shift"] = std::to_string(views.shift);
  // The same for programs that know the network by this file alone (nn::Classifier).
  nn::ModelInfo about = nn::info_of(training);
  about.picture = picture_kind(origin.at("dataset"));
  about.views = views;
  about.rejection.least_probability = least_probability;
  about.rejection.least_margin = least_margin;
  for (const auto& [name, accuracy] : accuracies) about.metrics[name] = std::stod(accuracy);
  for (const auto& [name, value] : origin) about.provenance[name] = value;
  nn::save(model, file, {.metadata = metadata, .type = stored_type, .about = about});
}

/// A network that was trained before, and what there is to know of it to use it again.
struct Trained {
  ImageModel model;
  std::string dataset;
  std::vector<std::string> class_names;
  nn::Normalization normalization;
  nn::ViewOptions views;
  double test_accuracy;  ///< as it was measured when it was trained
};

/// A network and what goes with it, as `save_weights` wrote them.
/// @throws nn::FileError when the file does not say all of it.
inline Trained load_weights(const std::filesystem::path& file) {
  const nn::SafetensorsFile stored = nn::SafetensorsFile::read(file);
  const auto value = [&](const std::string& key) {
    const auto found = stored.metadata.find(key);
    nn::require<nn::FileError>(found != stored.metadata.end(), file.string(),
                               ": these are not weights that part5_images wrote: they do not say '",
                               key, "'");
    return found->second;
  };
  const auto numbers = [&](const std::string& key, nn::Index count) {
    return nn::parse_number_list<double>(value(key), count, key);
  };
  const std::string dataset = value("dataset");
  const nn::Shape shape = detail::shape_of(dataset);
  const std::vector<std::string> names = detail::parted(value("class_names"));
  const auto network =
      stored.metadata.find("network");  // of the recipe's own, older files say none
  const Recipe recipe =
      with_network(find_recipe(dataset, value("recipe")),
                   network == stored.metadata.end() ? "own" : std::string_view(network->second));
  Trained trained{
      .model = {network_of(recipe, shape, static_cast<nn::Index>(names.size())), shape},
      .dataset = dataset,
      .class_names = names,
      .normalization = {numbers("mean", shape.back()), numbers("deviation", shape.back())},
      .views = {.flip = value("views_flip") == "1",
                .shift = value("views_shift") == "0" ? nn::Index{0} : nn::Index{1}},
      .test_accuracy = numbers("test_accuracy", 1).front()};
  trained.normalization.check(shape.back());
  nn::load(trained.model, file);
  return trained;
}

/// All networks of --weights.
/// @throws nn::Error unless they are for images of one data set.
inline std::vector<Trained> load_networks(const std::vector<std::string>& files) {
  std::vector<Trained> networks;
  for (const std::string& file : files) {
    networks.push_back(load_weights(find_file(file)));
    nn::require(networks.back().dataset == networks.front().dataset, file, " is for images of ",
                networks.back().dataset, ", ", files.front(), " for those of ",
                networks.front().dataset, "; they cannot answer together");
  }
  return networks;
}

/// N x classes logits of each network.
inline std::vector<nn::Tensor<float>> logits_of(const std::vector<Trained>& networks,
                                                const nn::Dataset& data) {
  std::vector<nn::Tensor<float>> logits;
  for (const Trained& network : networks) {
    logits.push_back(nn::predict_views(
        network.model, data.with_normalization(network.normalization), network.views));
  }
  return logits;
}

}  // namespace example
