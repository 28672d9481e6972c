/// @file
/// Labels and the names of the classes that they stand for.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "nn/core/shape.hpp"

namespace nn::detail {

/// "0", "1", ... for so many classes without names.
[[gnu::cold]] [[nodiscard]] inline std::vector<std::string> numbered_classes(Index count) {
  std::vector<std::string> names(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = std::to_string(i);
  return names;
}

/// One more than the highest label. A label beyond any plausible number of classes is left for
/// `check_labels` to find.
[[gnu::cold]] [[nodiscard]] inline Index classes_in(const std::vector<Label>& labels) {
  constexpr Label most = 0xffff;
  Label highest = -1;
  for (const Label label : labels) highest = std::max(highest, std::min(label, most));
  return highest + 1;
}

/// @throws Error for a label outside [0, classes), with its position and the data set's `name`.
[[gnu::cold]] inline void check_labels(const std::vector<Label>& labels, Index classes,
                                       const std::string& name) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    require(labels[i] >= 0 && labels[i] < classes, name, name.empty() ? "" : ": ", "label ", i,
            " is ", labels[i], "; expected 0 to ", classes - 1);
  }
}

}  // namespace nn::detail
