/// @file
/// Files one after another, whatever is wrong with some of them.
#pragma once

#include <iostream>
#include <string>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace example {

/// Calls `use` with each file. Where that throws an nn::Error, its message goes to stderr with the
/// file's name, and the next file is used.
/// @return how many were refused so
template <class Use>
[[nodiscard]] nn::Index refused_of(const std::vector<std::string>& files, const Use& use) {
  nn::Index refused = 0;
  for (const std::string& file : files) {
    try {
      use(file);
    } catch (const nn::Error& error) {
      const std::string reason = error.what();
      const bool named = reason.find(file) != std::string::npos;
      std::cerr << (named ? "" : file + ": ") << reason << '\n';
      ++refused;
    }
  }
  return refused;
}

}  // namespace example
