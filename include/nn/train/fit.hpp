/// @file
/// The training loop.
#pragma once

#include <chrono>
#include <cstring>
#include <optional>
#include <string>

#include "nn/optim/gradient_clipping.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/optim/weight_average.hpp"
#include "nn/train/divergence.hpp"
#include "nn/train/evaluate.hpp"
#include "nn/train/fit_options.hpp"
#include "nn/train/history.hpp"
#include "nn/train/print_progress.hpp"

namespace nn {

namespace detail {

/// One training, from its start or a checkpoint to its end.
template <class Network, class T, class LossFunction, class Rule>
class Fit {
 public:
  [[gnu::cold]] Fit(Model<Network, T>& model, const Dataset& train, const LossFunction& loss,
                    Optimizer<Rule, T>& optimizer, const FitOptions& options)
      : model_(model),
        loss_(loss),
        optimizer_(optimizer),
        options_(options),
        classifies_(classifies(model.output_shape(), train.classes())),
        first_learning_rate_(optimizer.learning_rate()),
        loader_((check(model, train, options), train), loading(options)) {
    if (options.average_decay > 0) average_.emplace(model, averaging(options));
  }

  History run() {
    resume();
    while (progress_.epoch < options_.epochs && !stopped_ && !out_of_patience()) run_epoch();
    finish();
    return std::move(history_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  static void check(const Model<Network, T>& model, const Dataset& train,
                    const FitOptions& options) {
    require(options.epochs >= 0, "fit cannot train for ", options.epochs, " epochs");
    require(options.clip_norm >= 0 && options.average_decay >= 0,
            "fit: clip_norm and average_decay cannot be negative");
    require(options.checkpoint_interval >= 0, "fit cannot save every ", options.checkpoint_interval,
            " steps");
    require_samples_fit(model, train);
    if (options.validation != nullptr) require_samples_fit(model, *options.validation);
    const bool watches_validation = options.early_stopping.monitor == Monitor::validation_loss ||
                                    options.early_stopping.monitor == Monitor::validation_accuracy;
    require(options.early_stopping.patience == 0 || !watches_validation ||
                options.validation != nullptr,
            "early stopping is to watch the validation, but fit was given no validation base");
  }

  static void require_samples_fit(const Model<Network, T>& model, const Dataset& data) {
    require(!data.empty(), "fit needs samples, and ", data, " is empty");
    require<ShapeError>(data.sample_shape() == model.input_shape(), "the model takes samples of ",
                        model.input_shape(), ", which those of ", data, " are not");
  }

  [[nodiscard]] static LoaderOptions loading(const FitOptions& options) {
    LoaderOptions loading;
    loading.batch_size = options.batch_size;
    loading.shuffle = options.shuffle;
    loading.drop_last = options.drop_last;
    loading.seed = options.seed;
    loading.augmentation = options.augmentation;
    loading.transform = options.transform;
    return loading;
  }

  [[nodiscard]] static WeightAverageOptions averaging(const FitOptions& options) {
    WeightAverageOptions averaging;
    averaging.decay = options.average_decay;
    return averaging;
  }

  void run_epoch() {
    mark_ = Clock::now();
    for (const Batch<T>& batch : loader_.epoch(progress_.epoch, progress_.batch)) {
      train_batch(batch);
      report_batch();
      if (stopped_) break;
      // The last batch's checkpoint is that of the whole epoch.
      if (options_.checkpoint_interval > 0 && step() % options_.checkpoint_interval == 0 &&
          progress_.batch < loader_.batches()) {
        save();
      }
      mark_ = Clock::now();
    }
    const bool whole = progress_.batch == loader_.batches();
    if (!whole) save();
    end_epoch();
    if (whole) save();
  }

  void train_batch(const Batch<T>& batch) {
    const TensorView<const T> outputs = model_.forward(batch.inputs);
    gradient_.resize(outputs.shape());
    const auto loss = static_cast<double>(batch_loss<T>(loss_, outputs, batch, gradient_));
    if (!std::isfinite(loss)) diverge(loss, batch);
    if (classifies_) progress_.correct += count_correct(outputs, batch.labels);
    model_.zero_gradients();
    model_.backward(gradient_);
    if (options_.clip_norm > 0) clip_gradient_norm(model_, options_.clip_norm);
    set_learning_rate();
    optimizer_.step(model_);
    if (average_) average_->update(model_);
    ++progress_.batch;
    progress_.seen += batch.size();
    progress_.loss_sum += loss * static_cast<double>(batch.size());
    progress_.seconds += std::chrono::duration<double>(Clock::now() - mark_).count();
    last_loss_ = loss;
  }

  /// How many steps have been made.
  [[nodiscard]] Index step() const { return progress_.epoch * loader_.batches() + progress_.batch; }

  void set_learning_rate() {
    if (!options_.schedule) return;
    const double factor = options_.schedule(step(), options_.epochs * loader_.batches());
    optimizer_.set_learning_rate(first_learning_rate_ * factor);
  }

  [[nodiscard]] double mean_loss() const {
    return progress_.loss_sum / static_cast<double>(progress_.seen);
  }
  [[nodiscard]] double accuracy_so_far() const {
    if (!classifies_) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(progress_.correct) / static_cast<double>(progress_.seen);
  }
  [[nodiscard]] double images_per_second() const {
    return progress_.seconds > 0 ? static_cast<double>(progress_.seen) / progress_.seconds : 0.0;
  }

  void report_batch() {
    if (options_.callbacks.empty()) return;
    BatchReport report{progress_.epoch + 1,
                       options_.epochs,
                       progress_.batch,
                       loader_.batches(),
                       step(),
                       last_loss_,
                       mean_loss(),
                       accuracy_so_far(),
                       optimizer_.learning_rate(),
                       images_per_second()};
    for (const Callback& callback : options_.callbacks) {
      if (callback.on_batch) callback.on_batch(report);
    }
    if (report.stop) stopped_ = true;
  }

  [[gnu::cold]] void end_epoch() {
    require_finite_weights();
    EpochRecord record;
    record.epoch = progress_.epoch + 1;
    record.steps = step();
    record.loss = mean_loss();
    record.accuracy = accuracy_so_far();
    record.learning_rate = optimizer_.learning_rate();
    record.seconds = progress_.seconds;
    record.images_per_second = images_per_second();
    progress_ = {progress_.epoch + 1};
    // What is measured and kept is the averaged network, if there is one.
    if (average_) average_->swap(model_);
    validate(record);
    history_.epochs.push_back(record);
    keep_best();
    if (average_) average_->swap(model_);
    EpochReport report{history_.last(), history_, options_.epochs};
    for (const Callback& callback : options_.callbacks) {
      if (callback.on_epoch) callback.on_epoch(report);
    }
    if (report.stop) stopped_ = true;
  }

  void validate(EpochRecord& record) const {
    if (options_.validation == nullptr) return;
    const Evaluation evaluation =
        evaluate(model_, *options_.validation, loss_, {.transform = options_.validation_transform});
    record.validation_loss = evaluation.loss;
    record.validation_accuracy = evaluation.accuracy;
  }

  [[nodiscard]] Index best_epoch() const {
    return history_.best(options_.early_stopping.monitor, options_.early_stopping.min_delta);
  }

  [[gnu::cold]] void keep_best() {
    if (!keeps_best() || best_epoch() + 1 != static_cast<Index>(history_.epochs.size())) return;
    keep(model_.parameters(), best_parameters_);
    keep(model_.state(), best_state_);
  }

  static void keep(TensorView<const T> values, std::string& bytes) {
    const auto raw = std::as_bytes(values.span());
    bytes.assign(reinterpret_cast<const char*>(raw.data()), raw.size());  // NOLINT
  }

  [[nodiscard]] bool keeps_best() const {
    return options_.early_stopping.patience > 0 && options_.early_stopping.restore_best;
  }

  [[nodiscard]] bool out_of_patience() {
    const Index patience = options_.early_stopping.patience;
    if (patience == 0 || history_.empty()) return false;
    const Index since = static_cast<Index>(history_.epochs.size()) - 1 - best_epoch();
    history_.stopped_early = since >= patience;
    return history_.stopped_early;
  }

  static void restore(const std::string& bytes, TensorView<T> values) {
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  }

  /// Leaves the model with the weights that were asked for.
  void finish() {
    if (keeps_best() && !best_parameters_.empty()) {
      restore(best_parameters_, model_.parameters());
      restore(best_state_, model_.state());
    } else if (average_) {
      average_->swap(model_);
    }
    optimizer_.set_learning_rate(first_learning_rate_);
  }

  [[gnu::cold]] [[noreturn]] void diverge(double loss, const Batch<T>& batch) {
    throw DivergenceError(
        text("training diverged at step ", step() + 1, " (epoch ", progress_.epoch + 1, ", batch ",
             progress_.batch + 1, "): the loss is ", loss, "; the learning rate is ",
             optimizer_.learning_rate(), "; ", explain_divergence(model_, batch.inputs)));
  }

  void require_finite_weights() const {
    const std::string parameter = broken_parameter(model_);
    require<DivergenceError>(parameter.empty(), "training diverged: after step ", step(),
                             " (epoch ", progress_.epoch + 1, ") the parameter ", parameter,
                             " is infinite or NaN; the learning rate is ",
                             optimizer_.learning_rate());
  }

  // ---- checkpoints ----

  /// What has to be the same for a training to go on, in words.
  [[nodiscard]] std::string settings() const {
    return text("batch_size ", options_.batch_size, ", seed ", options_.seed, ", shuffle ",
                options_.shuffle, ", drop_last ", options_.drop_last, ", average_decay ",
                options_.average_decay, ", ", loader_.data().size(), " samples");
  }

  /// Calls visit(training) with all that this training consists of.
  template <class Visit>
  void with_training(const Visit& visit) {
    AverageBytes average;
    if (average_) average = AverageBytes::of(*average_);
    Training training{settings(),
                      ModelBytes::of(model_),
                      OptimizerBytes::of(optimizer_),
                      average_ ? &average : nullptr,
                      progress_,
                      history_,
                      best_parameters_,
                      best_state_};
    visit(training);
  }

  void save() {
    if (options_.checkpoint.empty()) return;
    require_finite_weights();
    with_training([this](const Training& training) { options_.checkpoint.save(training); });
  }

  void resume() {
    if (options_.checkpoint.empty()) return;
    with_training([this](Training& training) {
      if (!options_.checkpoint.resume(training)) return;
      model_.set_step(training.model.step);
      model_.zero_gradients();
      optimizer_.set_steps(training.optimizer.steps);
      optimizer_.set_learning_rate(training.optimizer.learning_rate);
      if (average_) average_->set_updates(training.average->updates);
    });
  }

  Model<Network, T>& model_;
  const LossFunction& loss_;
  Optimizer<Rule, T>& optimizer_;
  const FitOptions& options_;
  const bool classifies_;
  const double first_learning_rate_;
  Loader<T> loader_;
  Progress progress_;
  History history_;
  Tensor<T> gradient_;
  std::optional<WeightAverage<T>> average_;
  std::string best_parameters_;  // bytes
  std::string best_state_;
  double last_loss_ = 0;
  Clock::time_point mark_{};  // since when the time counts as learning
  bool stopped_ = false;
};

}  // namespace detail

/// Trains `model` on `train` by an optimizer of one's own, which keeps its moments for more.
/// @throws Error when data, model and options do not fit together; DivergenceError, which names the
/// step, the learning rate and the layer, when the loss becomes infinite or NaN; FileError when a
/// checkpoint cannot be written or does not belong to this training.
template <class Network, class T, class LossFunction, class Rule>
History fit(Model<Network, T>& model, const Dataset& train, const LossFunction& loss,
            Optimizer<Rule, T>& optimizer, const FitOptions& options = {}) {
  return detail::Fit<Network, T, LossFunction, Rule>(model, train, loss, optimizer, options).run();
}

/// Trains `model` on `train`:
///
///     nn::History history = nn::fit(model, train, nn::SoftmaxCrossEntropy{}, nn::Adam{},
///                                   {.epochs = 4, .batch_size = 128, .validation = &test});
template <class Network, class T, class LossFunction, class Rule>
History fit(Model<Network, T>& model, const Dataset& train, const LossFunction& loss, Rule rule,
            const FitOptions& options = {}) {
  Optimizer optimizer(model, std::move(rule));
  return fit(model, train, loss, optimizer, options);
}

}  // namespace nn
