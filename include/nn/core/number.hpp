/// @file
/// Numbers in texts, the same whatever locale a program has set: with a point and without
/// separators. The library writes numbers by these functions, by std::to_chars or by
/// core/text_stream.hpp, and reads them by std::from_chars: none of them uses the locale.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>

namespace nn::detail {

/// As printf writes a number by `format`, which takes the digits and the value, but with a point in
/// place of the locale's decimal separator.
[[gnu::cold, gnu::noinline]] [[nodiscard]] inline std::string formatted(const char* format,
                                                                        int digits, double value) {
  char buffer[400];  // the largest double has 309 digits before the point
  const int size = std::snprintf(buffer, sizeof(buffer), format, std::clamp(digits, 0, 64), value);
  std::string text(buffer, static_cast<std::size_t>(size));
  const auto usual = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+';
  };
  const auto begin = std::find_if_not(text.begin(), text.end(), usual);
  const auto end = std::find_if(begin, text.end(), usual);
  return begin == text.end() ? text : text.replace(begin, end, ".");
}

/// A number of at most `digits` digits, as streams write it: "0.25", "1e-05".
[[nodiscard]] inline std::string general(double value, int digits = 6) {
  return formatted("%.*g", digits, value);
}

/// A number of so many decimals: "0.250".
[[nodiscard]] inline std::string fixed(double value, int decimals) {
  return formatted("%.*f", decimals, value);
}

/// A number of so many decimals and a power of ten: "2.50e-01".
[[nodiscard]] inline std::string scientific(double value, int decimals) {
  return formatted("%.*e", decimals, value);
}

}  // namespace nn::detail

namespace nn {

/// `value` with at most `digits` digits, as streams write it, and a point in every locale: "0.25",
/// "1e-05".
[[nodiscard]] inline std::string format_general(double value, int digits = 6) {
  return detail::general(value, digits);
}

/// `value` with so many decimals, and a point in every locale: "0.250".
[[nodiscard]] inline std::string format_fixed(double value, int decimals) {
  return detail::fixed(value, decimals);
}

/// `value` with so many decimals and a power of ten, and a point in every locale: "2.50e-01".
[[nodiscard]] inline std::string format_scientific(double value, int decimals) {
  return detail::scientific(value, decimals);
}

}  // namespace nn
