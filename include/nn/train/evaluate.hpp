/// @file
/// A network's outputs for a whole data set, and how good they are.
#pragma once

#include <cmath>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/data/loader.hpp"
#include "nn/train/batch_loss.hpp"
#include "nn/train/model.hpp"
#include "nn/train/shared_work.hpp"

namespace nn {

/// Whether outputs of shape `output` are scores of `classes` classes: one each, or a single one for
/// two.
[[nodiscard]] constexpr bool classifies(const Shape& output, Index classes) {
  return output.rank() == 1 && (output.back() == classes || (output.back() == 1 && classes == 2));
}

namespace detail {

/// As `predicted_class`, but -1, which is no class, where a score is NaN.
template <class T>
[[nodiscard]] Label class_or_none(std::span<const T> scores) {
  std::size_t best = 0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (std::isnan(scores[k])) return -1;
    if (scores[k] > scores[best]) best = k;
  }
  return scores.size() == 1 ? Label{scores[0] > T(0)} : static_cast<Label>(best);
}

}  // namespace detail

/// The class with the highest score, the first of several; for a single score, a logit, whether it
/// is positive.
/// @throws DivergenceError for a score that is NaN.
template <class T>
[[nodiscard]] Label predicted_class(std::span<const T> scores) {
  const Label label = detail::class_or_none(scores);
  require<DivergenceError>(label >= 0, "no class can be chosen: one of its ", scores.size(),
                           " scores is NaN");
  return label;
}

/// The number of rows whose highest score is at their label. A row that holds NaN counts as wrong.
template <class T>
[[nodiscard]] Index count_correct(TensorView<const T> outputs, TensorView<const Label> labels) {
  const auto columns = static_cast<std::size_t>(outputs.shape().back());
  require<ShapeError>(outputs.size() == labels.size() * outputs.shape().back(), labels.size(),
                      " labels for outputs of shape ", outputs.shape());
  Index correct = 0;
  for (Index i = 0; i < labels.size(); ++i) {
    const T* row = outputs.data() + static_cast<std::size_t>(i) * columns;
    if (detail::class_or_none(std::span<const T>(row, columns)) == labels[i]) ++correct;
  }
  return correct;
}

/// How a model is evaluated.
struct EvaluationOptions {
  Index batch_size = 256;      ///< does not change the result
  BatchTransform transform{};  ///< applied to every batch, as for images that are their own targets
  Augmentation augmentation{};  ///< applied to every sample: for another view of it
  /// The processes that each take a share of the batches: `&world`, an nn::Mpi or another
  /// communicator (nn/distributed). All call the function, with the same data, weights and options,
  /// and all get the result, to the same bits as one process alone.
  WorkSharing communicator{};
};

/// What `evaluate` measured.
struct Evaluation {
  double loss = 0;      ///< the mean over the samples
  double accuracy = 0;  ///< in [0, 1]; NaN where outputs are not scores of the data's classes
  Index count = 0;      ///< samples
};

namespace detail {

/// Makes the batches of an evaluation.
template <class T>
[[nodiscard]] Loader<T> evaluation_loader(const DataView& data, const EvaluationOptions& options) {
  require(!data.empty(), "cannot evaluate on ", data, ": it is empty");
  LoaderOptions loading;
  loading.batch_size = std::min(options.batch_size, data.size());
  loading.shuffle = false;
  loading.transform = options.transform;
  loading.augmentation = options.augmentation;
  return Loader<T>(data, loading);
}

/// Calls visit(number, batch, outputs) for all batches in order, of processes that share them for
/// this one's. `visit` writes what is found of a batch to its place in `results`, where each has
/// `bytes` bytes, the last one perhaps less.
template <class Network, class T>
void for_each_prediction(
    const Model<Network, T>& model, Loader<T>& loader, const WorkSharing& sharing,
    std::span<std::byte> results, std::size_t bytes,
    std::type_identity_t<FunctionRef<void(Index, const Batch<T>&, TensorView<const T>)>> visit) {
  Tensor<T> outputs;
  const auto work = [&](Index begin, Index end) {
    if (begin < end) loader.start(0, begin);
    for (Index number = begin; number < end; ++number) {
      const Batch<T>& batch = *loader.next();
      outputs.resize(model.output_shape().prepended(batch.size()));
      model.predict(batch.inputs, outputs);
      visit(number, batch, std::as_const(outputs).view());
    }
  };
  sharing.run({loader.batches(), results, bytes, work});
}

}  // namespace detail

/// The network's outputs for all samples, in the order of the data set: N x ...
/// @throws Error when there are no samples, ShapeError when they do not fit the model, RankError
/// when another process fails that shares the work.
template <class Network, class T>
[[nodiscard]] Tensor<T> predict(const Model<Network, T>& model, const DataView& data,
                                const EvaluationOptions& options = {}) {
  Loader<T> loader = detail::evaluation_loader<T>(data, options);
  Tensor<T> all(model.output_shape().prepended(data.size()));
  const Index batch_size = loader.options().batch_size;
  detail::for_each_prediction(
      model, loader, options.communicator, std::as_writable_bytes(all.span()),
      static_cast<std::size_t>(batch_size * model.output_shape().size()) * sizeof(T),
      [&](Index number, const Batch<T>& batch, TensorView<const T> outputs) {
        std::copy(outputs.begin(), outputs.end(),
                  all.samples(number * batch_size, batch.size()).begin());
      });
  return all;
}

/// The mean loss over any `DataSource` and the share of its samples classified correctly, where
/// they have labels and the outputs are scores of their classes. Where samples have weights, the
/// mean is sum_i w_i L_i / sum_i w_i; the accuracy counts all alike. A sample with an output that
/// is NaN counts as wrong.
/// @throws Error when there are no samples, or a label is not among the network's classes;
/// RankError when another process fails that shares the work.
template <class Network, class T, class LossFunction>
[[nodiscard]] Evaluation evaluate(const Model<Network, T>& model, const TargetDataView& data,
                                  const LossFunction& loss, const EvaluationOptions& options = {}) {
  const bool classes = classifies(model.output_shape(), data.classes());
  Loader<T> loader = detail::evaluation_loader<T>(data, options);
  std::vector<detail::BatchFigures> figures(static_cast<std::size_t>(loader.batches()));
  detail::for_each_prediction(
      model, loader, options.communicator,
      std::as_writable_bytes(std::span<detail::BatchFigures>(figures)),
      sizeof(detail::BatchFigures),
      [&](Index number, const Batch<T>& batch, TensorView<const T> outputs) {
        figures[static_cast<std::size_t>(number)] = {
            detail::batch_loss<T>(loss, outputs, batch, {}),
            classes ? count_correct(outputs, batch.labels) : 0, batch.size()};
      });
  double sum = 0;
  double weight = 0;
  Index correct = 0;
  for (const detail::BatchFigures& part : figures) {
    sum += detail::product(part.loss.value, part.loss.weight);
    weight += part.loss.weight;
    correct += part.correct;
  }
  const auto count = static_cast<double>(data.size());
  return {sum / weight,
          classes ? static_cast<double>(correct) / count : std::numeric_limits<double>::quiet_NaN(),
          data.size()};
}

/// The share of the samples whose label has the highest output, in [0, 1]. A sample with an output
/// that is NaN counts as wrong.
/// @throws Error when there are no samples, or the outputs are not scores of their classes.
template <class Network, class T>
[[nodiscard]] double accuracy(const Model<Network, T>& model, const TargetDataView& data) {
  require(data.classes() > 0, "there is no accuracy on ", data, ", which has no labels");
  require(classifies(model.output_shape(), data.classes()), "outputs of shape ",
          model.output_shape(), " are not scores of the ", data.classes(), " classes of ", data);
  Loader<T> loader = detail::evaluation_loader<T>(data, {});
  Index correct = 0;
  detail::for_each_prediction(model, loader, {}, {}, 0,
                              [&](Index, const Batch<T>& batch, TensorView<const T> outputs) {
                                correct += count_correct(outputs, batch.labels);
                              });
  return static_cast<double>(correct) / static_cast<double>(data.size());
}

}  // namespace nn
