/// @file
/// Numbers out of texts, the same whatever locale a program has set.
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

/// The finite number that a text is from its first to its last character, in decimal digits with a
/// point and maybe a power of ten; nothing for any other text, one beyond what a double holds among
/// them.
[[gnu::cold]] [[nodiscard]] inline std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  // So that neither "inf" nor what one standard library takes beyond the other is a number.
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
