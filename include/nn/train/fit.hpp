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
  [[gnu::cold]] Fit(Model<Network, T>& model, const Dataset& train, const LossFunction& loss,
                    Optimizer<Rule, T>& optimizer, const FitOptions& options)
      : model_(model),
        loss_(loss),
        optimizer_(optimizer),
        options_(options),
        classifies_(classifies(model.output_shape(), train.classes())),
        first_learning_rate_(optimizer.learning_rate()),
        loader_((check(model, train, options), train), loading(options)),
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

  static void check(const Model<Network, T>& model, const Dataset& train,
                    const FitOptions& options) {
    require(options.epochs >= 0, "fit cannot train for ", options.epochs, " epochs");
    require(options.clip_norm >= 0 && options.average_decay >= 0,
            "fit: clip_norm and average_decay cannot be negative");
    require(options.checkpoint_interval >= 0, "fit cannot save every ", options.checkpoint_interval,
            " steps");
    require_samples_fit(model, train);
    if (options.validation != nullptr) require_samples_fit(model, *options.validation);
    if (options.early_stopping.patience > 0) check_monitor(model, train, options);
    if (options.validation == nullptr) return;
    const std::string difference = train.difference_from(*options.validation);
    require(difference.empty(), "fit cannot train on ", train, " and validate on ",
            *options.validation, ": ", difference);
  }

  [[nodiscard]] static bool watches_validation(const FitOptions& options) {
    const Monitor monitor = options.early_stopping.monitor;
    return monitor == Monitor::validation_loss || monitor == Monitor::validation_accuracy;
  }

  /// Whether there is what early stopping is to watch.
  static void check_monitor(const Model<Network, T>& model, const Dataset& train,
                            const FitOptions& options) {
    const bool validation = watches_validation(options);
    require(!validation || options.validation != nullptr,
            "early stopping is to watch the validation set, but fit was given none");
    const Monitor monitor = options.early_stopping.monitor;
    if (monitor != Monitor::accuracy && monitor != Monitor::validation_accuracy) return;
    const Index classes = (validation ? *options.validation : train).classes();
    require(classifies(model.output_shape(), classes), "outputs of shape ", model.output_shape(),
            " are not scores of the ", classes, " classes of the ",
            validation ? "validation" : "training", " set, which early stopping is to watch");
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
            .watched = stops && watches_validation(options_) ? options_.validation : nullptr,
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
  const std::string settings_;  // for the checkpoint
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
///
/// Whatever ends the training, an exception too (of a callback, a transform, a schedule, a full
/// disk), the optimizer's learning rate is then as it was given. After an exception the model holds
/// the weights and statistics of the last step that was made, not the averaged or the best ones;
/// the optimizer's moments and number of steps are those of that step; and the checkpoint is the
/// last one that was written whole, from which the training can go on.
/// @throws Error when data, model and options do not fit together; DivergenceError, which names the
/// step, the learning rate and the layer, when the loss becomes infinite or NaN; FileError when a
/// checkpoint cannot be written or does not belong to this training, naming what differs.
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
