/// @file
/// Descriptions of what has settings, by which two of a kind are told apart.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

namespace nn::detail {

/// `value` in few digits that are read back to the very same, in any locale.
[[gnu::cold]] [[nodiscard]] inline std::string exact_number(double value) {
  char digits[40];
  for (const int precision : {6, 9, 17}) {
    std::snprintf(digits, sizeof(digits), "%.*g", precision, value);  // NOLINT(*-vararg)
    if (std::strtod(digits, nullptr) == value) break;
  }
  std::string number(digits);
  const std::size_t point = number.find_first_not_of("-+0123456789einfa");
  if (point != std::string::npos) {
    const std::size_t end = number.find_first_of("0123456789", point);
    number.replace(point, end - point, ".");
  }
  return number;
}

/// One setting of a rule, a loss or a layer.
struct Setting {
  const char* name;
  double value;
};

/// "SGD{momentum 0.9, nesterov 0}"
[[gnu::cold]] [[nodiscard]] inline std::string settings(const char* type,
                                                        std::initializer_list<Setting> all) {
  std::string text(type);
  const char* before = "{";
  for (const Setting& setting : all) {
    (((text += before) += setting.name) += ' ') += exact_number(setting.value);
    before = ", ";
  }
  return text + '}';
}

/// The name of a type, as the compiler writes it.
template <class Type>
[[gnu::cold]] [[nodiscard]] auto type_name() {
  const std::string_view function = __PRETTY_FUNCTION__;  // "... [with Type = int]"
  const std::size_t begin = function.find("Type = ") + 7;
  return std::string(function.substr(begin, function.rfind(']') - begin));
}

/// What `thing` says of its settings, if it does, else its type's name.
template <class Thing>
[[gnu::cold]] [[nodiscard]] std::string settings_of(const Thing& thing) {
  if constexpr (requires { std::string(thing.settings()); }) {
    return thing.settings();
  } else {
    return type_name<Thing>();
  }
}

}  // namespace nn::detail
