/// @file
/// Which steps of a batch of sequences are real and which are padding.
#pragma once

#include <cstdint>

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

namespace detail {

/// @throws ShapeError unless a mask of so many steps is one for a layer whose samples have `count`.
inline void require_steps_of_mask(Index steps, Index count) {
  require<ShapeError>(steps == count, "the mask is one of ", steps, " steps, and the samples have ",
                      count,
                      "; a layer inside of Masked that changes the number of steps has to be "
                      "the last that needs the mask");
}

}  // namespace detail

/// Which steps of the sequences of a batch are real, and which only make all of them equally long:
/// a view of a byte for each step, sample after sample, 1 where it is real and 0 where it is
/// padding. By default there is none, and every step is real. `Masked` finds it in its input and
/// hands it on in the `Context`.
struct StepMask {
  const std::uint8_t* real = nullptr;  ///< samples x steps, or null: all are
  Index steps = 0;                     ///< of a sample

  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const { return real != nullptr; }

  /// Whether step `step` of a sample is real.
  [[nodiscard]] bool is_real(Index sample, Index step) const {
    return real == nullptr || real[sample * steps + step] != 0;
  }

  /// The bytes of one sample's steps, or null where there is no mask.
  [[nodiscard]] const std::uint8_t* of(Index sample) const {
    return real == nullptr ? nullptr : real + sample * steps;
  }

  /// The mask of the samples from `first` on.
  [[nodiscard]] StepMask from(Index first) const { return {of(first), steps}; }

  /// The mask itself, for a layer whose samples have `count` steps.
  /// @throws ShapeError when it is one of other sequences.
  [[nodiscard]] StepMask for_steps(Index count) const {
    if (real != nullptr) detail::require_steps_of_mask(steps, count);
    return *this;
  }
};

}  // namespace nn
