/// @file
/// What recurrent layers carry over from one batch to the next.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/tensor.hpp"
#include "nn/layers/plan.hpp"

namespace nn {

/// The states in which the recurrent layers of a network left the sequences of a batch, from which
/// a next batch goes on. Sequences too long for one sample are cut into pieces of equal length;
/// batch after batch holds a next piece of each, always at the same place:
///
///     auto carried = model.carried_state(32);         // for batches of 32 samples
///     for (const auto& batch : batches) {
///       const auto y = model.forward(batch, carried);  // goes on, and keeps where it ends
///       ...
///     }
///     carried.reset();                                // other sequences begin
///
/// The gradient ends where a piece begins, so this is truncated backpropagation through time
/// (Williams and Peng, "An efficient gradient-based algorithm for on-line training of recurrent
/// network trajectories", 1990). What it holds depends on the layers and not on the number of
/// steps: a model of the same layers for samples of one step goes on from it as well, such as to
/// write a text one character at a time. It is a plain value: a copy can be gone back to.
///
/// Where processes share a batch, each has one for its own samples, which stay the same as long as
/// all batches have one size.
template <class T>
class CarriedState {
 public:
  /// All samples at the start of their sequence. `plan` is that of a model; see
  /// Model::carried_state.
  /// @throws Error when no layer carries anything, or one needs its whole sequence at once.
  [[gnu::cold]] CarriedState(const Plan& plan, Index samples) : samples_(samples) {
    require(samples > 0, "a state is carried for at least one sample, not for ", samples);
    Index size = 0;
    Plan::for_each(plan, [&](const Plan& layer) {
      require(!layer.traits.whole_sequence, "a network with ", layer.name, " (layer ", layer.path,
              ") cannot go on from one batch to the next: this layer needs the whole sequence");
      if (layer.carried > 0) carried_.push_back(layer.carried);
      size += layer.carried;
    });
    require(size > 0,
            "no layer of this network carries a state from one batch to the next, as "
            "LSTM and GRU do");
    values_.resize({samples * size});
  }

  /// How many samples a batch has.
  [[nodiscard]] Index samples() const { return samples_; }

  /// All samples begin a sequence.
  void reset() { values_.fill(T(0)); }

  /// One sample begins a sequence; the others go on.
  /// @throws Error for a sample outside [0, samples()).
  void reset(Index sample) {
    require(sample >= 0 && sample < samples_, "there is no sample ", sample, " to reset among ",
            samples_);
    Index first = 0;
    for (const Index carried : carried_) {
      std::fill_n(values_.data() + first + sample * carried, carried, T(0));
      first += samples_ * carried;
    }
  }

  /// All of it: layer by layer in the order of the network, and of each, sample by sample. An LSTM
  /// has h and then c of a sample, a GRU h.
  [[nodiscard]] TensorView<T> values() { return values_; }
  /// Likewise, to read.
  [[nodiscard]] TensorView<const T> values() const { return values_; }

  /// Whether batches of `samples` samples of a network of this plan can go on from it.
  /// @throws ShapeError unless they can.
  [[gnu::cold, gnu::noinline]] void require_fits(const Plan& plan, Index samples) const {
    require<ShapeError>(samples == samples_, "the carried state is one of ", samples_,
                        " samples, and the batch has ", samples);
    auto next = carried_.begin();
    bool fits = true;
    Plan::for_each(plan, [&](const Plan& layer) {
      if (layer.carried == 0) return;
      fits = fits && next != carried_.end() && *next == layer.carried;
      if (fits) ++next;
    });
    require<ShapeError>(fits && next == carried_.end(),
                        "the carried state is one of a network of other layers than ", plan.name);
  }

 private:
  Index samples_;
  std::vector<Index> carried_;  // elements of each layer that has some, for one sample
  Tensor<T> values_;
};

/// What layers see of it: the samples from `first` on.
template <class T>
struct CarriedRows {
  T* values = nullptr;  ///< of all layers and samples, or null: nothing is carried
  Index samples = 0;    ///< of the whole state
  Index first = 0;      ///< the place of x's first sample among them

  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const { return values != nullptr; }

  /// Those of the samples from `further` on.
  [[nodiscard]] CarriedRows from(Index further) const { return {values, samples, first + further}; }

  /// A layer's elements of a sample, `plan.carried` of them.
  [[nodiscard]] T* of(const Plan& plan, Index sample) const {
    return values + plan.carried_offset * samples + (first + sample) * plan.carried;
  }
};

}  // namespace nn
