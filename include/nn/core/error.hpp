/// @file
/// What the library throws when something given to it is wrong.
#pragma once

#include <concepts>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "nn/core/number.hpp"

#ifndef __cpp_exceptions
#error "nn says what is wrong by exceptions: compile it without -fno-exceptions"
#endif

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

/// A part of a message: a text, a number, or whatever has `to_string()` or, as a path has,
/// `string()`; these are called only when the message is written. A part refers to what it is made
/// of, and it is no template, so that the compiler meets one function that joins parts instead of
/// one for every list of their types.
class TextPart {
 public:
  // Conversions are what this class is for. NOLINTBEGIN(google-explicit-constructor)
  TextPart(std::string_view text) : kind_(Kind::text), text_{text.data(), text.size()} {}
  TextPart(const std::string& text) : TextPart(std::string_view(text)) {}
  TextPart(const char* text) : TextPart(std::string_view(text)) {}
  TextPart(const char& character) : kind_(Kind::text), text_{&character, 1} {}
  template <std::signed_integral Number>
  TextPart(Number number) : kind_(Kind::integer), integer_(number) {}
  template <std::unsigned_integral Number>
  TextPart(Number number) : kind_(Kind::natural), natural_(number) {}
  template <std::floating_point Number>
  TextPart(Number number) : kind_(Kind::real), real_(static_cast<double>(number)) {}
  template <class Object>
  requires requires(const Object& object) { object.to_string(); }
  TextPart(const Object& object)
      : kind_(Kind::object), object_{&object, [](const void* erased) {
                                       return static_cast<const Object*>(erased)->to_string();
                                     }} {}
  template <class Path>
  requires requires(const Path& path) { path.string(); }
  TextPart(const Path& path)
      : kind_(Kind::object), object_{&path, [](const void* erased) {
                                       return static_cast<const Path*>(erased)->string();
                                     }} {}
  // NOLINTEND(google-explicit-constructor)

  /// Numbers are written as streams write them that have no locale.
  [[gnu::cold, gnu::noinline]] void append_to(std::string& message) const {
    switch (kind_) {
      case Kind::text:
        message.append(text_.data, text_.size);
        break;
      case Kind::integer:
        message += std::to_string(integer_);
        break;
      case Kind::natural:
        message += std::to_string(natural_);
        break;
      case Kind::real:
        message += general(real_);
        break;
      case Kind::object:
        message += object_.to_string(object_.address);
        break;
    }
  }

 private:
  enum class Kind { text, integer, natural, real, object };
  struct Text {
    const char* data;
    std::size_t size;
  };
  struct Object {
    const void* address;
    std::string (*to_string)(const void*);
  };

  Kind kind_;
  union {
    Text text_;
    Object object_;
    long long integer_;
    unsigned long long natural_;
    double real_;
  };
};

/// Joins parts into one string.
[[gnu::cold, gnu::noinline]] [[nodiscard]] inline std::string join(
    std::initializer_list<TextPart> parts) {
  std::string message;
  for (const TextPart& part : parts) part.append_to(message);
  return message;
}

}  // namespace detail

/// One text of texts, characters, numbers, paths, and whatever has `to_string()`, such as a shape:
/// `text("expected ", 3, " images of ", shape)`. Numbers have a point in every locale.
template <class... Parts>
[[nodiscard]] std::string text(const Parts&... parts) {
  return detail::join({detail::TextPart(parts)...});
}

namespace detail {

using nn::text;

/// Throws `E` with the parts joined into its message.
template <class E>
[[noreturn, gnu::cold, gnu::noinline]] void fail(std::initializer_list<TextPart> parts) {
  throw E(join(parts));
}

}  // namespace detail

/// Throws `E` with the parts joined into its message unless `condition` holds.
template <class E = Error, class... Parts>
constexpr void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    detail::fail<E>({detail::TextPart(parts)...});
}

}  // namespace nn
