/// @file
/// The images of part3_detector: digits, and the kinds of random images to be told from them.
#pragma once

#include <nn/data/random_images.hpp>
#include <nn/viz/image.hpp>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/classifier.hpp"

namespace example::detector {

using nn::Dataset;
using nn::Index;
using nn::Label;

struct Options : Flags {
  std::string kinds;
  std::filesystem::path patches;
};

/// The side of all images, in pixels.
inline constexpr Index side = 28;

/// How many images each step of the study takes.
struct Sizes {
  Index training;  ///< digits, and as many other images
  Index test;      ///< likewise
};

inline Sizes sizes_of(const Options& options) {
  if (options.quick) return {4000, 2000};
  return {30000, 10000};
}

/// The kinds of images that are not digits, for training and for the test.
struct Kinds {
  std::vector<nn::ImageGenerator> training;
  std::vector<nn::ImageGenerator> test;
  std::vector<std::string> patches;  ///< the names of those cut out of other images

  void add_patches(const std::string& name, std::vector<Dataset> train,
                   std::vector<Dataset> other) {
    training.push_back({name, nn::Patches(std::move(train))});
    test.push_back({name, nn::Patches(std::move(other))});
    patches.push_back(name);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const nn::ImageGenerator& kind : test) result.push_back(kind.name);
    return result;
  }
};

/// The PNG and JPEG files of a folder that are large enough, as data sets of one image each.
inline std::vector<Dataset> read_pictures(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    const std::set<std::string> known{".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".JPEG"};
    if (known.contains(extension)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Dataset> pictures;
  for (const auto& file : files) {
    const nn::viz::Image image = nn::viz::read_image(file);
    if (image.height() < side || image.width() < side) continue;
    nn::Tensor<std::uint8_t> pixels({1, image.height(), image.width(), image.channels()});
    std::copy(image.pixels().begin(), image.pixels().end(), pixels.begin());
    pictures.emplace_back(std::move(pixels), std::vector<Label>{0}, std::vector<std::string>{"any"},
                          file.filename().string());
  }
  nn::require(pictures.size() >= 2, "--patches: there are ", pictures.size(),
              " pictures of at least 28x28 pixels in ", folder.string(),
              ", and two are needed: one to train on, one to test on");
  return pictures;
}

inline Kinds all_kinds(const Options& options, const nn::TrainTest& digits) {
  Kinds kinds{nn::standard_generators(digits.train), nn::standard_generators(digits.test), {}};
  if (const auto folder = find_dataset(options.data, "cifar-10-batches-bin")) {
    const nn::TrainTest photographs = nn::load_cifar10(*folder);
    kinds.add_patches("cifar", {photographs.train}, {photographs.test});
  }
  if (const auto folder = find_dataset(options.data, "fashion-mnist")) {
    const nn::TrainTest clothes = nn::load_fashion_mnist(*folder);
    kinds.add_patches("fashion", {clothes.train}, {clothes.test});
  }
  if (!options.patches.empty()) {
    std::vector<Dataset> sources[2];
    for (const Dataset& picture : read_pictures(options.patches)) {
      sources[sources[0].size() > sources[1].size() ? 1 : 0].push_back(picture);
    }
    kinds.add_patches("pictures", sources[0], sources[1]);
  }
  return kinds;
}

/// The generators whose names are in a list with commas between; all for an empty list.
inline std::vector<nn::ImageGenerator> chosen(const std::vector<nn::ImageGenerator>& kinds,
                                              const std::string& list) {
  if (list.empty()) return kinds;
  std::vector<nn::ImageGenerator> result;
  std::istringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    const auto found = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const auto& kind) { return kind.name == name; });
    std::string known;
    for (const auto& kind : kinds) known += " " + kind.name;
    nn::require(found != kinds.end(), "--kinds: there is no kind '", name, "'; there are:", known);
    result.push_back(*found);
  }
  return result;
}

inline std::vector<nn::ImageGenerator> without(const std::vector<nn::ImageGenerator>& kinds,
                                               const std::vector<std::string>& names) {
  std::vector<nn::ImageGenerator> result;
  for (const nn::ImageGenerator& kind : kinds) {
    if (std::find(names.begin(), names.end(), kind.name) == names.end()) result.push_back(kind);
  }
  return result;
}

/// `count` images of a data set, picked at random.
inline Dataset sample(const Dataset& data, Index count, std::uint64_t seed) {
  std::vector<Index> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), Index{0});
  nn::Random(seed, 31U).shuffle(std::span<Index>(order));
  order.resize(static_cast<std::size_t>(std::min(count, data.size())));
  return data.subset(order);
}

/// Digits, which have the label 1, and other images, which have the label 0.
inline Dataset joined(const Dataset& digits, const Dataset& others) {
  nn::Tensor<std::uint8_t> images(digits.sample_shape().prepended(digits.size() + others.size()));
  std::vector<Label> labels;
  for (const Dataset* part : {&digits, &others}) {
    for (Index i = 0; i < part->size(); ++i) {
      const auto from = part->image(i);
      std::copy(from.begin(), from.end(), images.sample(static_cast<Index>(labels.size())).begin());
      labels.push_back(part == &digits ? 1 : 0);
    }
  }
  return Dataset(std::move(images), std::move(labels), {"other", "digit"}, "digits and others")
      .with_normalization(digits.normalization());
}

/// Digits whose pixels `change(image, y, x)` gives.
template <class Change>
Dataset changed(const Dataset& data, const Change& change) {
  nn::Tensor<std::uint8_t> images(data.sample_shape().prepended(data.size()));
  for (Index i = 0; i < data.size(); ++i) {
    for (Index y = 0; y < side; ++y) {
      for (Index x = 0; x < side; ++x) images(i, y, x, 0) = change(i, y, x);
    }
  }
  return Dataset(std::move(images), std::vector<Label>(static_cast<std::size_t>(data.size()), 1),
                 {"other", "digit"})
      .with_normalization(data.normalization());
}

}  // namespace example::detector
