/// @file
/// Numbers in texts, the same whatever locale a program has set: with a point and without
/// separators. Whatever the library writes or shows takes its numbers from here, or from
/// std::to_chars and core/text_stream.hpp, which know no locale either; what it reads, from
/// std::from_chars.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>

namespace nn::detail {

/// As printf writes a number by `format`, which takes the digits and the value, but with a point
/// for what the locale has between the whole and the fraction.
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
