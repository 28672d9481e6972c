/// @file
/// What `fit` does with other processes.
#pragma once

#include <memory>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/layers/run.hpp"
#include "nn/train/batch_loss.hpp"
#include "nn/train/fit_options.hpp"

namespace nn::detail {

/// Measures batches that processes share, piece by piece.
class PieceFigures {
 public:
  /// Figures of the whole batch, of which `outputs` and `batch` are this process's samples. Writes
  /// the gradient of the whole batch's mean loss for these. `measure` does so for a piece alone.
  template <class T>
  [[gnu::cold]] BatchFigures measure(
      BatchSharing& sharing, TensorView<const T> outputs, const Batch<T>& batch,
      TensorView<T> gradient,
      FunctionRef<BatchFigures(TensorView<const T>, const Batch<T>&, TensorView<T>)> measure) {
    constexpr std::size_t width = 3;  // weight, weighted loss, correct
    const Index pieces = sharing.pieces();
    records_.resize(width * static_cast<std::size_t>(pieces));
    weights_.resize(static_cast<std::size_t>(pieces));
    for (Index piece = 0; piece < pieces; ++piece) {
      const auto place = static_cast<std::size_t>(piece);
      const Index first = sharing.begin(piece);
      const BatchFigures part = measure(piece_of(outputs, sharing, piece),
                                        batch.samples(first, sharing.begin(piece + 1) - first),
                                        piece_of(gradient, sharing, piece));
      weights_[place] = part.loss.weight;
      records_[width * place] = part.loss.weight;
      records_[width * place + 1] = product(part.loss.value, part.loss.weight);
      records_[width * place + 2] = static_cast<double>(part.correct);
    }
    sharing.sum_records(records_.data(), static_cast<Index>(width));
    const double weight = records_[0];
    const double share = weight > 0 ? 1 / weight : 0;
    for (Index piece = 0; piece < pieces; ++piece) {
      const double factor = product(weights_[static_cast<std::size_t>(piece)], share);
      for (T& slope : piece_of(gradient, sharing, piece)) slope *= static_cast<T>(factor);
    }
    return {
        {product(records_[1], share), weight}, static_cast<Index>(records_[2]), sharing.samples()};
  }

 private:
  std::vector<double> records_;
  std::vector<double> weights_;
};

/// The processes of a training, or none.
class FitSharing {
 public:
  /// Makes sure that all do the same, where there are others.
  [[gnu::cold]] FitSharing(const FitOptions& options, const std::string& settings,
                           const ModelBytes& model, double learning_rate)
      : sharing_(options.communicator.start({piece_count(options.batch_size, options.pieces),
                                             settings, model, options, learning_rate})) {}

  /// Whether there is a communicator.
  [[nodiscard]] explicit operator bool() const { return sharing_ != nullptr; }
  TrainingSharing* operator->() const { return sharing_.get(); }
  [[nodiscard]] TrainingSharing* get() const { return sharing_.get(); }

  /// Whether this process writes files.
  [[nodiscard]] bool writes() const { return !sharing_ || sharing_->rank() == 0; }
  /// Whether it calls a callback.
  [[nodiscard]] bool calls(const Callback& callback) const {
    return writes() || callback.everywhere;
  }

  /// Before a batch of `samples`, those of the others included.
  template <class AnyModel>
  [[gnu::cold]] void begin_batch(AnyModel& model, Index step, Index samples) {
    sharing_->begin_step(step);
    sharing_->begin_batch(samples);
    model.share(sharing_.get());
  }

  /// Takes over from rank 0 what its callbacks have changed.
  template <class AnyOptimizer>
  [[gnu::cold]] void agree(bool& stopped, AnyOptimizer& optimizer) {
    double decisions[] = {stopped ? 1.0 : 0.0, optimizer.learning_rate()};
    sharing_->broadcast(decisions);
    stopped = decisions[0] != 0;
    optimizer.set_learning_rate(decisions[1]);
  }

  /// As `PieceFigures::measure`.
  template <class T, class Measure>
  [[gnu::cold]] BatchFigures measure(TensorView<const T> outputs, const Batch<T>& batch,
                                     TensorView<T> gradient, const Measure& measure) {
    return figures_.measure<T>(*sharing_, outputs, batch, gradient, measure);
  }

 private:
  std::unique_ptr<TrainingSharing> sharing_;
  PieceFigures figures_;
};

}  // namespace nn::detail
