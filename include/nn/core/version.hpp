/// @file
/// The library's version. CMake, the packages and the release script read it from here.
#pragma once

#include <string_view>

namespace nn {

/// The version of these headers, by semantic versioning (semver.org): until the first number grows,
/// a program that compiles today will compile.
[[nodiscard]] constexpr std::string_view version() { return "1.0.0"; }

}  // namespace nn
