/// @file
/// EMNIST: handwritten digits and letters in MNIST's format (Cohen, Afshar, Tapson and van Schaik,
/// "EMNIST: an extension of MNIST to handwritten letters", 2017).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nn/data/idx.hpp"

namespace nn {

/// The six splits of EMNIST, each a data set of its own.
enum class EmnistSplit {
  by_class,  ///< 62 classes: digits, capitals, small letters; as often as they were written
  by_merge,  ///< 47: small letters that look like their capitals are merged with them
  balanced,  ///< the same 47, each equally often
  letters,   ///< 26: a letter and its capital are one
  digits,    ///< 10, each equally often
  mnist,     ///< 10, as many as MNIST has
};

namespace detail {

/// What a split's files are called after "emnist-", and its classes, one character each.
struct EmnistNames {
  const char* file;
  std::string_view classes;
};

[[gnu::cold]] [[nodiscard]] inline EmnistNames emnist_names(EmnistSplit split) {
  constexpr std::string_view all = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view merged = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt";
  switch (split) {
    case EmnistSplit::by_class:
      return {"byclass", all};
    case EmnistSplit::by_merge:
      return {"bymerge", merged};
    case EmnistSplit::balanced:
      return {"balanced", merged};
    case EmnistSplit::letters:
      return {"letters", all.substr(10, 26)};
    case EmnistSplit::digits:
      return {"digits", all.substr(0, 10)};
    case EmnistSplit::mnist:
      return {"mnist", all.substr(0, 10)};
  }
  throw Error("EMNIST has no such split");
}

}  // namespace detail

/// The names of a split's classes: "0", ..., "9", "A", ..., "a", ...; where a class is a letter and
/// its capital, the capital.
[[gnu::cold]] [[nodiscard]] inline std::vector<std::string> emnist_class_names(EmnistSplit split) {
  std::vector<std::string> names;
  for (const char c : detail::emnist_names(split).classes) names.emplace_back(1, c);
  return names;
}

/// One split of EMNIST, images of 28x28x1, from emnist-SPLIT-train-images-idx3-ubyte,
/// emnist-SPLIT-train-labels-idx1-ubyte and their -test- siblings in `folder`, each possibly with
/// .gz. The files hold an image's columns one after another, and number the letters from 1; here
/// they stand upright, and the first class is 0.
/// @throws FileError as `load_idx` does.
[[gnu::cold]] [[nodiscard]] inline TrainTest load_emnist(const std::filesystem::path& folder,
                                                         EmnistSplit split) {
  const std::string file = detail::emnist_names(split).file;
  const Label first = split == EmnistSplit::letters ? 1 : 0;
  return detail::load_mnist_like(folder, emnist_class_names(split), "EMNIST " + file,
                                 {.train = "emnist-" + file + "-train",
                                  .test = "emnist-" + file + "-test",
                                  .layout = {.transposed = true, .first_label = first}});
}

}  // namespace nn
