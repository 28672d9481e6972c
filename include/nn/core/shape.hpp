/// @file
/// The extents of a tensor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>

#include "nn/core/error.hpp"

namespace nn {

/// Every size, count and position in the library (signed, as Eigen's).
using Index = std::ptrdiff_t;

namespace detail {

/// `count`, or the largest Index where that has too few bits: for bounds on what is read.
constexpr Index at_most(std::uint64_t count) {
  constexpr auto most = static_cast<std::uint64_t>(PTRDIFF_MAX);
  return static_cast<Index>(count < most ? count : most);
}

/// The bits of a value as those of another type: std::bit_cast, which libc++ has since version 14.
template <class To, class From>
constexpr To bit_cast(const From& value) {
  return __builtin_bit_cast(To, value);
}

}  // namespace detail

/// A class: 0, 1, ..., number of classes - 1.
using Label = std::int32_t;

/// The extents of a tensor, outermost first: {28, 28, 1} is an image of 28 rows, 28 columns and one
/// channel. A literal type, so that the shapes of a whole network can be computed by the compiler.
/// (What is not to be inlined is called once a pass or a sample, and from so many places that
/// compiling its copies would take long.)
class Shape {
 public:
  /// The most axes there can be.
  static constexpr Index max_rank = 6;

  constexpr Shape() = default;

  /// @throws ShapeError for a negative extent or more than `max_rank` of them.
  [[gnu::noinline]] constexpr Shape(std::initializer_list<Index> extents) {
    for (const Index extent : extents) push_back(extent);
  }

  /// The number of axes.
  [[nodiscard]] constexpr Index rank() const { return rank_; }

  /// The extent at `axis`; a negative axis counts from the end, -1 being the last.
  /// @throws ShapeError when there is no such axis.
  [[nodiscard]] constexpr Index operator[](Index axis) const {
    const Index position = axis < 0 ? axis + rank_ : axis;
    if (position < 0 || position >= rank_) {
      detail::fail<ShapeError>(
          {"axis ", axis, " of the shape ", *this, ", which has ", rank_, " axes"});
    }
    return extents_[static_cast<std::size_t>(position)];
  }

  /// The first extent: samples, where the shape is a batch's.
  [[nodiscard]] constexpr Index front() const { return (*this)[0]; }
  /// The last extent: channels, where the shape is an image's.
  [[nodiscard]] constexpr Index back() const { return (*this)[-1]; }

  /// The number of elements: the product of the extents (1 for rank 0).
  /// @throws ShapeError when an Index cannot count them.
  [[nodiscard]] constexpr Index size() const {
    Index product = 1;
    bool overflows = false;
    for (Index axis = 0; axis < rank_; ++axis) {
      overflows |=
          __builtin_mul_overflow(product, extents_[static_cast<std::size_t>(axis)], &product);
    }
    return overflows ? size_of_none() : product;
  }

  /// Adds an axis at the end. @throws ShapeError for a negative extent or one axis too many.
  constexpr void push_back(Index extent) {
    if (extent < 0) detail::fail<ShapeError>({"a shape with the extent ", extent});
    if (rank_ == max_rank) detail::fail<ShapeError>({"a shape of more than ", max_rank, " axes"});
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }

  /// This shape with one more axis in front: the shape of a batch of `count` samples of this shape.
  [[nodiscard]] [[gnu::noinline]] constexpr Shape prepended(Index count) const {
    Shape result{count};
    for (Index axis = 0; axis < rank_; ++axis) result.push_back((*this)[axis]);
    return result;
  }

  /// This shape without its first axis: the shape of one sample of a batch.
  [[nodiscard]] [[gnu::noinline]] constexpr Shape without_front() const {
    Shape result;
    for (Index axis = 1; axis < rank_; ++axis) result.push_back((*this)[axis]);
    return result;
  }

  /// This shape with another last extent.
  [[nodiscard]] [[gnu::noinline]] constexpr Shape with_back(Index extent) const {
    Shape result;
    for (Index axis = 0; axis + 1 < rank_; ++axis) result.push_back((*this)[axis]);
    result.push_back(extent);
    return result;
  }

  constexpr bool operator==(const Shape&) const = default;

  /// "28x28x1"; "scalar" for rank 0.
  [[gnu::cold, gnu::noinline]] [[nodiscard]] std::string to_string() const {
    if (rank_ == 0) return "scalar";
    std::string text;
    for (Index axis = 0; axis < rank_; ++axis) {
      if (axis > 0) text += 'x';
      text += std::to_string(extents_[static_cast<std::size_t>(axis)]);
    }
    return text;
  }

  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.to_string();
  }

 private:
  /// Where the product is not an Index: 0 if one of the extents is, so that it is one after all.
  [[gnu::cold, gnu::noinline]] [[nodiscard]] constexpr Index size_of_none() const {
    for (Index axis = 0; axis < rank_; ++axis) {
      if (extents_[static_cast<std::size_t>(axis)] == 0) return 0;
    }
    detail::fail<ShapeError>({"a shape of too many elements to count: ", *this});
  }

  std::array<Index, max_rank> extents_{};
  Index rank_ = 0;
};

}  // namespace nn
