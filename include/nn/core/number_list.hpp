/// @file
/// Lists of numbers in texts, such as a file's metadata.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <locale>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

namespace detail {

/// Reads the number at `first`. Returns where it ends, or null if there is none.
template <class T>
[[nodiscard]] const char* read_number(const char* first, const char* last, T& value) {
  if constexpr (requires { std::from_chars(first, last, value).ptr; }) {
    const auto result = std::from_chars(first, last, value);
    const bool found = result.ec == std::errc{} || result.ec == std::errc::result_out_of_range;
    return found ? result.ptr : nullptr;
  } else {
    // Before version 20, LLVM's library has it for whole numbers only. A stream does not read "inf"
    // and "nan"; strtod does, whatever the locale.
    const char* const end = std::find(first, last, ' ');
    const std::string word(first, end);
    if (word.find('n') != std::string::npos) {
      char* after = nullptr;
      value = static_cast<T>(std::strtod(word.c_str(), &after));
      return *after == '\0' ? end : nullptr;
    }
    std::istringstream stream(word);
    stream.imbue(std::locale::classic());
    return stream >> value && stream.peek() == std::istringstream::traits_type::eof() ? end
                                                                                      : nullptr;
  }
}

}  // namespace detail

/// The numbers, separated by spaces, each with as few digits as bring back the same bits.
/// parse_number_list() reads them.
template <class T>
[[nodiscard]] std::string number_list(std::span<const T> values) {
  std::string text;
  std::array<char, 32> digits{};
  for (const T value : values) {
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    if (!text.empty()) text += ' ';
    text.append(digits.data(), result.ptr);
  }
  return text;
}

/// The `count` numbers in `text`, separated by spaces. `what` is what messages call it.
/// @throws FileError when it holds anything else.
template <class T>
[[nodiscard]] std::vector<T> parse_number_list(const std::string& text, Index count,
                                               std::string_view what) {
  std::vector<T> values;
  const char* position = text.data();
  const char* const end = text.data() + text.size();
  while (position != end) {
    T value{};
    position = detail::read_number(position, end, value);
    require<FileError>(position != nullptr, what, " is no list of numbers");
    values.push_back(value);
    if (position != end && *position == ' ') ++position;
  }
  require<FileError>(static_cast<Index>(values.size()) == count, what, " has ", values.size(),
                     " numbers where ", count, " are expected");
  return values;
}

}  // namespace nn
