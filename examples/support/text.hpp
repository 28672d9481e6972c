/// @file
/// Numbers as readers like them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "nn/core/shape.hpp"

namespace example {

/// "0.0312"
[[nodiscard]] std::string fixed(double value, int decimals = 3);

/// A share as "98.75 %". Less than all is never rounded to 100 %: it has more decimals then.
[[nodiscard]] std::string percent(double share, int decimals = 2);

/// "60,000"
[[nodiscard]] std::string thousands(nn::Index value);

/// "8.2 s", "3 min 05 s", "1 h 02 min"
[[nodiscard]] std::string duration(double seconds);

/// "97.31 ± 0.12 %", or "97.31 ± 0.12" of a number that is no share.
[[nodiscard]] std::string percent_with_spread(double share, double spread, int decimals = 2);
[[nodiscard]] std::string with_spread(double value, double spread, int decimals = 3);

/// "1 image", "2 images"
[[nodiscard]] std::string counted(nn::Index count, const std::string& noun);

/// "a, b and c"
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

/// Measures the time since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace example
