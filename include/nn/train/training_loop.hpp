/// @file
/// What `fit` does.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "nn/core/rounding.hpp"
#include "nn/optim/gradient_clipping.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/optim/weight_average.hpp"
#include "nn/train/divergence.hpp"
#include "nn/train/evaluate.hpp"
#include "nn/train/fit_checks.hpp"
#include "nn/train/fit_options.hpp"
#include "nn/train/history.hpp"

namespace nn::detail {

/// Calls a function at the end of its scope, whether by an exception or without.
template <class Function>
class AtExit {
 public:
  explicit AtExit(Function function) : function_(std::move(function)) {}
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;
  ~AtExit() { function_(); }

 private:
  Function function_;
};

/// One training, from its start or a checkpoint to its end.
template <class Network, class T, class LossFunction, class Rule>
class Fit {
 public:
  [[gnu::cold]] Fit(Model<Network, T>& model, const DataView& train, const LossFunction& loss,
                    Optimizer<Rule, T>& optimizer, const FitOptions& options)
      : model_(model),
        loss_(loss),
        optimizer_(optimizer),
        options_(options),
        classifies_(classifies(model.output_shape(), train.classes())),
        first_learning_rate_(optimizer.learning_rate()),
        loader_(checked(model, train, options), loading(options)),
        settings_(options.checkpoint.settings(identity())) {
    if (options.average_decay > 0) average_.emplace(model, averaging(options));
  }

  History run() {
    const AtExit restore([this] { optimizer_.set_learning_rate(first_learning_rate_); });
    resume();
    while (progress_.epoch < options_.epochs && !stopped_ && !out_of_patience()) run_epoch();
    finish();
    return std::move(history_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static const DataView& checked(const Model<Network, T>& model,
                                               const DataView& train, const FitOptions& options) {
    check_fit(model.input_shape(), model.output_shape(), train, options);
    return train;
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
    const auto [loss, weight] = batch_loss<T>(loss_, outputs, batch, gradient_);
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
    progress_.loss_sum += product(loss, weight);
    progress_.weight += weight;
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

  [[nodiscard]] double mean_loss() const { return progress_.loss_sum / progress_.weight; }
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
    const Index finished = progress_.epoch + 1;
    progress_ = {};
    progress_.epoch = finished;
    // What is measured, kept and shown to callbacks is the averaged network, if there is one.
    if (average_) average_->swap(model_);
    const AtExit swap_back([this] {
      if (average_) average_->swap(model_);
    });
    validate(record);
    history_.epochs.push_back(record);
    keep_best();
    EpochReport report{history_.last(), history_, options_.epochs};
    for (const Callback& callback : options_.callbacks) {
      if (callback.on_epoch) callback.on_epoch(report);
    }
    if (report.stop) stopped_ = true;
  }

  void validate(EpochRecord& record) const {
    if (!options_.validation) return;
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
    best_.keep(ModelBytes::of(model_));
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

  /// Leaves the model with the weights that were asked for.
  void finish() {
    if (keeps_best() && !best_.empty()) {
      best_.restore(ModelBytes::of(model_));
    } else if (average_) {
      average_->swap(model_);
    }
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

  /// What has to be the same for a training to go on.
  [[nodiscard]] TrainingIdentity identity() const {
    const EarlyStopping& stopping = options_.early_stopping;
    const bool stops = stopping.patience > 0;
    return {.data = loader_.data(),
            .watched = stops && watches_validation(options_) ? options_.validation : DataPointer(),
            .network = model_.plan(),
            .loss = settings_of(loss_),
            .rule = settings_of(optimizer_.rule()),
            .rule_options = optimizer_.options(),
            .monitor = stops ? static_cast<int>(stopping.monitor) : -1,
            .min_delta = stopping.min_delta,
            .restore_best = stopping.restore_best,
            .batch_size = options_.batch_size,
            .seed = options_.seed,
            .shuffle = options_.shuffle,
            .drop_last = options_.drop_last,
            .augmentation = static_cast<bool>(options_.augmentation),
            .transform = static_cast<bool>(options_.transform),
            .validation_transform = static_cast<bool>(options_.validation_transform),
            .clip_norm = options_.clip_norm,
            .average_decay = options_.average_decay};
  }

  /// Calls visit(training) with all that this training consists of.
  template <class Visit>
  void with_training(const Visit& visit) {
    AverageBytes average;
    if (average_) average = AverageBytes::of(*average_);
    Training training{settings_,
                      first_learning_rate_,
                      static_cast<bool>(options_.schedule),
                      loader_.batches(),
                      ModelBytes::of(model_),
                      OptimizerBytes::of(optimizer_),
                      average_ ? &average : nullptr,
                      progress_,
                      history_,
                      best_};
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
  const std::string settings_;  // for the checkpoint
  WeightedProgress progress_;
  History history_;
  Tensor<T> gradient_;
  std::optional<WeightAverage<T>> average_;
  BestWeights best_;
  double last_loss_ = 0;
  Clock::time_point mark_{};  // since when the time counts as learning
  bool stopped_ = false;
};

}  // namespace nn::detail
