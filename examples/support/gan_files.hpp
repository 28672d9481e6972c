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
  gan.average.swap(gan.generator);
  nn::save(gan.generator, file,
           {.metadata = {{"model", gan.options().model},
                         {"width", std::to_string(gan.options().width)},
                         {"latent", std::to_string(gan.options().latent)},
                         {"class_counts", counts}}});
  gan.average.swap(gan.generator);
}

/// A pair whose generator is the one in the file.
inline Gan<float> load_generator(const std::filesystem::path& file, std::uint64_t seed) {
  const nn::Metadata metadata = nn::SafetensorsFile::read(file).metadata;
  for (const char* key : {"model", "width", "latent", "class_counts"}) {
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
  Gan<float> gan({.model = metadata.at("model"),
                  .latent = number("latent"),
                  .width = number("width"),
                  .class_counts = numbers("class_counts"),
                  .seed = seed});
  nn::load(gan.generator, file);
  gan.average = nn::WeightAverage<float>(gan.generator);
  return gan;
}

}  // namespace example
