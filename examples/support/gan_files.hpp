/// @file
/// Generators of part 4 as files.
#pragma once

#include <locale>
#include <nn/io/safetensors.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/gan.hpp"

namespace example {

/// Saves the generator with the average of its weights.
inline void save_generator(const std::filesystem::path& file, Gan<float>& gan) {
  std::string counts;
  for (const nn::Index count : gan.options().class_counts) counts += std::to_string(count) + " ";
  std::string image;
  for (nn::Index axis = 0; axis < 3; ++axis) {
    image += std::to_string(gan.options().image[axis]) + " ";
  }
  gan.average.swap(gan.generator);
  nn::save(gan.generator, file,
           {.metadata = {{"model", gan.options().model},
                         {"width", std::to_string(gan.options().width)},
                         {"latent", std::to_string(gan.options().latent)},
                         {"image", image},
                         {"refined", gan.options().penalty > 0 ? "1" : "0"},
                         {"class_counts", counts}}});
  gan.average.swap(gan.generator);
}

/// A pair whose generator is the one in the file.
inline Gan<float> load_generator(const std::filesystem::path& file, std::uint64_t seed) {
  const nn::Metadata metadata = nn::SafetensorsFile::read(file).metadata;
  for (const char* key : {"model", "width", "latent", "image", "refined", "class_counts"}) {
    nn::require<nn::FileError>(metadata.contains(key), file.string(),
                               " holds no generator of this program: it does not say its ", key);
  }
  const auto numbers = [&](const char* key) {
    std::istringstream text(metadata.at(key));
    text.imbue(std::locale::classic());
    std::vector<nn::Index> list;
    for (nn::Index number = 0; text >> number;) list.push_back(number);
    return list;
  };
  const auto number = [&](const char* key) {
    const std::vector<nn::Index> list = numbers(key);
    nn::require<nn::FileError>(list.size() == 1 && list[0] > 0 && list[0] <= 4096, file.string(),
                               ": its ", key, " is ", metadata.at(key));
    return list[0];
  };
  const std::vector<nn::Index> image = numbers("image");
  const auto fits = [](nn::Index size) { return size > 0 && size <= 4096; };
  nn::require<nn::FileError>(image.size() == 3 && std::all_of(image.begin(), image.end(), fits),
                             file.string(), ": its image is ", metadata.at("image"),
                             "; expected height, width and channels");
  Gan<float> gan({.model = metadata.at("model"),
                  .latent = number("latent"),
                  .width = number("width"),
                  .image = {image[0], image[1], image[2]},
                  .class_counts = numbers("class_counts"),
                  .penalty = metadata.at("refined") == "1" ? 1.0 : 0.0,
                  .seed = seed});
  nn::load(gan.generator, file);
  gan.average = nn::WeightAverage<float>(gan.generator);
  return gan;
}

}  // namespace example
