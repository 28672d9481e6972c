/// @file
/// Numbers from texts, the same whatever locale a program has set.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#ifndef __cpp_lib_to_chars
#include <locale>
#include <sstream>
#endif

namespace nn::detail {

/// The finite number that the whole text is, in decimal digits with a point and perhaps an
/// exponent. Nothing for any other text, including a number too large for a double.
[[gnu::cold]] [[nodiscard]] inline std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  // Refuses "inf" and what only some standard libraries accept.
  const bool usual = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || c == '-' || c == '+';
  });
  if (text.empty() || !usual) return std::nullopt;
  double value = 0;
#ifdef __cpp_lib_to_chars
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
#else  // libc++ before version 20 reads no doubles by from_chars
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  if (!(stream >> value) || stream.peek() != std::istringstream::traits_type::eof())
    return std::nullopt;
#endif
  return value;
}

}  // namespace nn::detail
