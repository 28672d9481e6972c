/// @file
/// What `fit` does.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>

#include "nn/core/rounding.hpp"
#include "nn/optim/gradient_clipping.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/optim/weight_average.hpp"
#include "nn/train/divergence.hpp"
#include "nn/train/evaluate.hpp"
#include "nn/train/fit_options.hpp"
#include "nn/train/fit_sharing.hpp"
#include "nn/train/history.hpp"
#include "nn/train/plateau.hpp"
#include "nn/train/training_setup.hpp"

namespace nn::detail {

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
        settings_(settings_in_words(
            options,
            identity_of(model, check_fit(model.input_shape(), model.output_shape(), train, options),
                        loss, optimizer, options))),
        sharing_(options, settings_, ModelBytes::of(model), first_learning_rate_),
        loader_(train, loading(options, sharing_.get())) {
    if (options.average_decay > 0) average_.emplace(model, averaging(options));
    if constexpr (Climbs<Rule>) {
      require(options.accumulate == 1, "fit cannot make a step of ", options.accumulate,
              " batches by a rule that needs two gradients");
    }
  }

  History run() {
    if (!sharing_) return run_alone();
    try {
      return run_alone();
    } catch (const std::exception& error) {
      sharing_->fail(error.what());
      throw;
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[gnu::noinline]] History run_alone() {
    const AtExit restore([this] {
      optimizer_.set_learning_rate(first_learning_rate_);
      if (sharing_) model_.unshare();
    });
    resume();
    while (progress_.epoch < options_.epochs && !stopped_ && !out_of_patience()) run_epoch();
    writer_.finish();
    finish();
    return std::move(history_);
  }

  void run_epoch() {
    mark_ = Clock::now();
    plateau_factor_ = plateau_factor(history_, options_.reduce_on_plateau);
    for (const Batch<T>& batch : loader_.epoch(progress_.epoch, progress_.batch)) {
      train_batch(batch);
      if (progress_.batch % options_.accumulate != 0 && progress_.batch < loader_.batches()) {
        mark_ = Clock::now();
        continue;  // more batches are to come before the step
      }
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
    const BatchFigures measured = run_forward(batch);
    const auto [loss, weight] = measured.loss;
    if (!std::isfinite(loss)) diverge(loss, batch);
    progress_.correct += measured.correct;
    if (options_.accumulate == 1) {
      model_.zero_gradients();
      model_.backward(gradient_);
      if constexpr (Climbs<Rule>) run_again_uphill(batch);
      last_loss_ = loss;
      make_step();
    } else {
      accumulate(loss, weight);
    }
    ++progress_.batch;
    progress_.seen += measured.samples;
    progress_.loss_sum += product(loss, weight);
    progress_.weight += weight;
    progress_.seconds += std::chrono::duration<double>(Clock::now() - mark_).count();
  }

  /// The outputs' figures, and their gradient.
  BatchFigures run_forward(const Batch<T>& batch) {
    if (sharing_) sharing_.begin_batch(model_, step() + 1, loader_.samples_of(progress_.batch));
    const TensorView<const T> outputs = model_.forward(batch.inputs);
    gradient_.resize(outputs.shape());
    return sharing_ ? measure_shared(outputs, batch) : measure(outputs, batch, gradient_);
  }

  /// The second gradient of a batch, for a rule that needs two, of the weights that it climbs to.
  /// Running statistics stay those of the first pass; and the weights too, if something is thrown.
  void run_again_uphill(const Batch<T>& batch) {
    const auto keep = [](TensorView<const T> from, Tensor<T>& to) {
      to.resize(from.shape());
      std::copy(from.begin(), from.end(), to.begin());
    };
    const auto put_back = [](const Tensor<T>& from, TensorView<T> to) {
      std::copy(from.begin(), from.end(), to.begin());
    };
    keep(model_.parameters(), kept_parameters_);
    keep(model_.state(), kept_state_);
    try {
      optimizer_.climb(model_);
      const double loss = run_forward(batch).loss.value;
      if (!std::isfinite(loss)) diverge(loss, batch);
      model_.zero_gradients();
      model_.backward(gradient_);
    } catch (...) {
      put_back(kept_parameters_, model_.parameters());
      put_back(kept_state_, model_.state());
      throw;
    }
    put_back(kept_state_, model_.state());
  }

  [[gnu::noinline]] BatchFigures measure(TensorView<const T> outputs, const Batch<T>& batch,
                                         TensorView<T> gradient) const {
    return {batch_loss<T>(loss_, outputs, batch, gradient),
            classifies_ ? count_correct(outputs, batch.labels) : 0, batch.size()};
  }
  [[gnu::cold]] BatchFigures measure_shared(TensorView<const T> outputs, const Batch<T>& batch) {
    return sharing_.measure(
        outputs, batch, gradient_.view(),
        [this](TensorView<const T> part, const Batch<T>& samples, TensorView<T> gradient) {
          return measure(part, samples, gradient);
        });
  }

  void make_step() {
    if (options_.clip_norm > 0) clip_gradient_norm(model_, options_.clip_norm);
    set_learning_rate();
    optimizer_.step(model_);
    if (average_) average_->update(model_);
  }

  /// Adds the gradients of a batch to those before it, each batch weighing as its samples do, and
  /// makes a step when it is the last.
  [[gnu::noinline]] void accumulate(double loss, double weight) {
    const Index place = progress_.batch % options_.accumulate;
    if (place == 0) {
      model_.zero_gradients();
      accumulated_loss_ = accumulated_weight_ = 0;
    }
    gradient_.array() *= static_cast<T>(weight);
    model_.backward(gradient_);
    accumulated_loss_ += product(loss, weight);
    accumulated_weight_ += weight;
    const bool last = place + 1 == options_.accumulate || progress_.batch + 1 == loader_.batches();
    if (!last) return;
    const double share = accumulated_weight_ > 0 ? 1 / accumulated_weight_ : 0;
    model_.gradients().array() *= static_cast<T>(share);
    last_loss_ = accumulated_loss_ * share;
    make_step();
  }

  /// How many steps an epoch has.
  [[nodiscard]] Index steps_of_epoch() const {
    return (loader_.batches() + options_.accumulate - 1) / options_.accumulate;
  }

  /// How many steps have been made.
  [[nodiscard]] Index step() const {
    const bool whole = progress_.batch == loader_.batches();
    return progress_.epoch * steps_of_epoch() +
           (whole ? steps_of_epoch() : progress_.batch / options_.accumulate);
  }

  /// Whether it is worked out anew for every step.
  [[nodiscard]] bool sets_learning_rate() const {
    return options_.schedule || options_.reduce_on_plateau.patience > 0;
  }

  void set_learning_rate() {
    if (!sets_learning_rate()) return;
    double factor = plateau_factor_;
    if (options_.schedule) factor *= options_.schedule(step(), options_.epochs * steps_of_epoch());
    optimizer_.set_learning_rate(first_learning_rate_ * factor);
  }

  void report_batch() {
    writer_.finish();  // callbacks find the file whole
    if (options_.callbacks.empty() && !sharing_) return;
    BatchReport report{progress_.epoch + 1,
                       options_.epochs,
                       progress_.batch,
                       loader_.batches(),
                       step(),
                       last_loss_,
                       progress_.mean_loss(),
                       progress_.accuracy(classifies_),
                       optimizer_.learning_rate(),
                       progress_.samples_per_second()};
    for (const Callback& callback : options_.callbacks) {
      if (callback.on_batch && sharing_.calls(callback)) callback.on_batch(report);
    }
    if (report.stop) stopped_ = true;
    if (sharing_) sharing_.agree(stopped_, optimizer_);
  }

  [[gnu::cold]] void end_epoch() {
    writer_.finish();
    require_finite_weights();
    EpochRecord record = progress_.record(classifies_);
    record.steps = step();
    record.learning_rate = optimizer_.learning_rate();
    progress_ = {};
    progress_.epoch = record.epoch;
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
      if (callback.on_epoch && sharing_.calls(callback)) callback.on_epoch(report);
    }
    if (report.stop) stopped_ = true;
    if (sharing_) sharing_.agree(stopped_, optimizer_);
  }

  void validate(EpochRecord& record) const {
    if (!options_.validation) return;
    const Evaluation evaluation = evaluate(
        model_, *options_.validation, loss_,
        {.transform = options_.validation_transform, .communicator = options_.communicator.work()});
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
    if (sharing_) model_.share(nullptr);  // what others do now is not known
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

  /// Calls visit(training) with all that this training consists of.
  template <class Visit>
  void with_training(const Visit& visit) {
    AverageBytes average;
    if (average_) average = AverageBytes::of(*average_);
    Training training{settings_,
                      first_learning_rate_,
                      sets_learning_rate(),
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
    if (!sharing_.writes()) return;
    with_training(
        [this](const Training& training) { options_.checkpoint.save(training, writer_); });
  }

  void resume() {
    if (options_.checkpoint.empty()) return;
    with_training([this](Training& training) {
      if (!(sharing_ ? sharing_->resume(options_.checkpoint.path(), training)
                     : options_.checkpoint.resume(training))) {
        return;
      }
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
  const std::string settings_;  // for the checkpoint and for other processes
  FitSharing sharing_;
  Loader<T> loader_;
  WeightedProgress progress_;
  History history_;
  Tensor<T> gradient_;
  Tensor<T> kept_parameters_;  // from before a second gradient
  Tensor<T> kept_state_;
  std::optional<WeightAverage<T>> average_;
  BestWeights best_;
  CheckpointWriter writer_;
  double last_loss_ = 0;           // of a step
  double accumulated_loss_ = 0;    // of the batches since the last step, weighted
  double accumulated_weight_ = 0;  // likewise
  double plateau_factor_ = 1;      // of the learning rate in this epoch
  Clock::time_point mark_{};       // since when the time counts as learning
  bool stopped_ = false;
};

}  // namespace nn::detail
