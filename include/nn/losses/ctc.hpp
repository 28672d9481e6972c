/// @file
/// Connectionist temporal classification: sequences of labels without a place in time.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/core/rounding.hpp"
#include "nn/core/workspace.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

/// The negative logarithm of the probability that outputs of N x steps x classes (logits; the
/// network ends without a Softmax) are read as the wanted labels, whatever the places at which they
/// are read: a path takes one class at each step; of equal classes in a row all but the first, and
/// then the class `blank`, are left out (Graves et al., "Connectionist temporal classification",
/// 2006, equations 6 to 16, with the sums over paths in logarithms, in double precision).
///
/// Labels are N x the largest length, and shorter ones end with negative numbers: {3, 1, -1, -1}.
/// They may come as targets of whole numbers, too. As PyTorch's mean, a sample's loss is divided by
/// its number of labels (at least 1), and the mean over the batch is taken; without `per_label`,
/// the mean of the losses.
struct CTC {
  Index blank = 0;               ///< the class that stands for no label
  bool per_label = true;         ///< whether a loss is divided by its number of labels
  bool skip_impossible = false;  ///< whether samples with too many labels for the steps count as 0

  [[nodiscard]] std::string settings() const {
    return detail::settings("CTC", {{"blank", static_cast<double>(blank)},
                                    {"per_label", per_label ? 1.0 : 0.0},
                                    {"skip_impossible", skip_impossible ? 1.0 : 0.0}});
  }

  /// @throws Error naming the sample for a label that is no class or the blank, and for labels that
  /// do not fit into the steps unless they are to be skipped; ShapeError when the shapes do not
  /// fit.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    return mean<T, Label>(outputs, labels, gradient);
  }

  /// The same for labels that come as numbers.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    return mean<T, T>(outputs, targets, gradient);
  }

 private:
  /// The labels of one sample, and between and around them blanks: places 0 to 2 * count of a path.
  template <class Wanted>
  struct Path {
    const Wanted* labels;
    Index count;
    Index blank;

    [[nodiscard]] Index places() const { return 2 * count + 1; }
    [[nodiscard]] Index label(Index i) const { return static_cast<Index>(labels[i]); }
    [[nodiscard]] Index operator[](Index place) const {
      return place % 2 == 0 ? blank : label(place / 2);
    }
    /// Whether a path may come here from two places before, past a blank.
    [[nodiscard]] bool jumps_to(Index place) const {
      return place % 2 == 1 && place >= 3 && label(place / 2) != label(place / 2 - 1);
    }
    /// The steps that it takes at least: one a label, and a blank between equal ones.
    [[nodiscard]] Index steps() const {
      Index steps = count;
      for (Index i = 1; i < count; ++i) steps += label(i) == label(i - 1) ? 1 : 0;
      return steps;
    }
  };

  template <class Wanted>
  [[nodiscard]] Path<Wanted> path_of(TensorView<const Wanted> labels, Index sample) const {
    const Index most = labels.shape().back();
    Path<Wanted> path{labels.data() + sample * most, 0, blank};
    while (path.count < most && path.labels[path.count] >= Wanted(0)) ++path.count;
    return path;
  }

  template <class T, class Wanted>
  void check(TensorView<const T> outputs, TensorView<const Wanted> labels) const {
    const Shape& shape = outputs.shape();
    require<ShapeError>(shape.rank() == 3, "CTC needs outputs of N x steps x classes, got ", shape);
    require<ShapeError>(labels.shape().rank() == 2 && labels.shape().front() == shape.front(),
                        "CTC needs labels of ", shape.front(), " x the largest length, got ",
                        labels.shape());
    require(blank >= 0 && blank < shape.back(), "CTC has the blank ", blank, ", but there are ",
            shape.back(), " classes");
    for (Index sample = 0; sample < shape.front(); ++sample) {
      const Path<Wanted> path = path_of(labels, sample);
      for (Index i = 0; i < labels.shape().back(); ++i) {
        const bool fits = i < path.count ? path.labels[i] < static_cast<Wanted>(shape.back()) &&
                                               path.label(i) != blank &&
                                               static_cast<Wanted>(path.label(i)) == path.labels[i]
                                         : path.labels[i] < Wanted(0);
        require(fits, "sample ", sample, " of the batch has the label ",
                static_cast<double>(path.labels[i]), " at place ", i, ", which is ",
                i < path.count ? "the blank or no class" : "behind the end");
      }
      require(skip_impossible || path.steps() <= shape[1], "sample ", sample, " of the batch has ",
              path.count, " labels that take ", path.steps(), " steps, but there are ", shape[1]);
    }
  }

  template <class T, class Wanted>
  T mean(TensorView<const T> outputs, TensorView<const Wanted> labels,
         TensorView<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    check(outputs, labels);
    const Shape& shape = outputs.shape();
    const auto samples = static_cast<double>(shape.front());
    const double sum = parallel_sum(shape.front(), 1, [&](Index begin, Index end) {
      double partial = 0;
      for (Index sample = begin; sample < end; ++sample) {
        const Path<Wanted> path = path_of(labels, sample);
        const Index first = sample * shape[1] * shape[2];
        T* const slopes = gradient.empty() ? nullptr : gradient.data() + first;
        const double divisor = per_label ? static_cast<double>(std::max<Index>(1, path.count)) : 1;
        partial += Alignment<T, Wanted>(path, shape[1], shape[2], outputs.data() + first)
                       .loss(slopes, 1 / (divisor * samples)) /
                   divisor;
      }
      return partial;
    });
    return static_cast<T>(sum / samples);
  }

  /// ln(e^a + e^b)
  [[nodiscard]] static double add(double a, double b) {
    const double more = std::max(a, b);
    if (more == none) return none;
    return more + detail::logarithm_of_1_plus(detail::exponential(std::min(a, b) - more));
  }
  static constexpr double none = -std::numeric_limits<double>::infinity();  // ln 0

  /// One sample. The forward variable of a step and place is the logarithm of the probability of
  /// all beginnings of paths that end there; the backward variable is that of all their ends, that
  /// step left out.
  template <class T, class Wanted>
  class Alignment {
   public:
    Alignment(const Path<Wanted>& path, Index steps, Index classes, const T* logits)
        : path_(path), steps_(steps), classes_(classes), places_(path.places()), logits_(logits) {
      Arena arena = detail::thread_workspace(bytes_for<double>(steps * (places_ + 1)) +
                                             bytes_for<double>(2 * places_));
      forward_ = arena.take<double>(steps * (places_ + 1));
      log_sums_ = forward_ + steps * places_;
      backward_ = arena.take<double>(2 * places_);
    }

    /// The loss; its slopes times `scale` are written unless that is null.
    double loss(T* slopes, double scale) {
      if (path_.steps() > steps_) {
        if (slopes != nullptr) std::fill_n(slopes, steps_ * classes_, T(0));
        return 0;
      }
      go_forward();
      const double* const last = forward_ + (steps_ - 1) * places_;
      const double all =
          places_ > 1 ? add(last[places_ - 1], last[places_ - 2]) : last[places_ - 1];
      if (slopes != nullptr) go_backward(all, slopes, scale);
      return -all;
    }

   private:
    /// The logarithm of a class's probability at a step.
    [[nodiscard]] double log_probability(Index step, Index c) const {
      return static_cast<double>(logits_[step * classes_ + c]) - log_sums_[step];
    }

    void go_forward() {
      for (Index step = 0; step < steps_; ++step) {
        const T* const z = logits_ + step * classes_;
        const T largest = *std::max_element(z, z + classes_);
        const auto sum = static_cast<double>(detail::sum_of_exponentials(classes_, z, largest));
        log_sums_[step] = static_cast<double>(largest) + detail::logarithm(sum);
        double* const now = forward_ + step * places_;
        const double* const before = now - places_;
        for (Index s = 0; s < places_; ++s) {
          double paths = s < 2 && step == 0 ? 0 : none;
          if (step > 0) {
            paths = before[s];
            if (s > 0) paths = add(paths, before[s - 1]);
            if (path_.jumps_to(s)) paths = add(paths, before[s - 2]);
          }
          now[s] = paths + log_probability(step, path_[s]);
        }
      }
    }

    void go_backward(double all, T* slopes, double scale) {
      double* next = backward_;  // at the step after, with that step's probability
      double* now = backward_ + places_;
      for (Index step = steps_ - 1; step >= 0; --step) {
        T* const dz = slopes + step * classes_;
        detail::scale_exponentials(classes_, logits_ + step * classes_,
                                   static_cast<T>(log_sums_[step]), static_cast<T>(scale), dz);
        for (Index s = 0; s < places_; ++s) {
          double paths = s + 2 >= places_ && step + 1 == steps_ ? 0 : none;
          if (step + 1 < steps_) {
            paths = next[s];
            if (s + 1 < places_) paths = add(paths, next[s + 1]);
            if (s + 2 < places_ && path_.jumps_to(s + 2)) paths = add(paths, next[s + 2]);
          }
          const double through = forward_[step * places_ + s] + paths - all;
          dz[path_[s]] -= static_cast<T>(detail::product(scale, detail::exponential(through)));
          now[s] = paths + log_probability(step, path_[s]);
        }
        std::swap(now, next);
      }
    }

    Path<Wanted> path_;
    Index steps_;
    Index classes_;
    Index places_;
    const T* logits_;
    double* forward_;   // steps x places
    double* log_sums_;  // of each step
    double* backward_;  // of two steps
  };
};

}  // namespace nn
