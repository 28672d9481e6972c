/// @file
/// What the library throws when something given to it is wrong.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace nn {

/// The base of every exception the library throws on purpose. Its message says what was expected,
/// what was found and where.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A tensor or a layer was given a shape it cannot work with.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A file is missing, unreadable, truncated or not what it claims to be, or could not be written.
class FileError : public Error {
 public:
  using Error::Error;
};

/// A loss, a gradient or a weight became infinite or NaN.
class DivergenceError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// Joins printable pieces into one string: `text("expected ", 3, " images")`.
template <class... Pieces>
[[nodiscard]] std::string text(const Pieces&... pieces) {
  std::ostringstream out;
  (out << ... << pieces);
  return out.str();
}

}  // namespace detail

/// Throws `E` with the pieces joined into its message unless `condition` holds.
template <class E = Error, class... Pieces>
constexpr void require(bool condition, const Pieces&... pieces) {
  if (!condition) throw E(detail::text(pieces...));
}

}  // namespace nn
