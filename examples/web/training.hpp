/// @file
/// A training that a page drives step by step.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "network_text.hpp"

namespace web {

/// A network with its weights.
using Model = nn::Model<Network>;

/// How a training goes.
struct TrainingOptions {
  std::string optimizer = "adam";  ///< or "sgd", "momentum", "rmsprop"
  double learning_rate = 1e-3;
  nn::Index batch_size = 50;
  std::uint64_t seed = 1;
};

/// Steps through a data set, epoch after epoch, without a thread of its own.
class Training {
 public:
  /// The model is the caller's and must stay where it is.
  Training(Model& model, const nn::Dataset& data, const TrainingOptions& options)
      : model_(model),
        optimizer_(optimizer_of(model, options)),
        loader_(data,
                {.batch_size = options.batch_size, .seed = options.seed, .background = false}) {
    loader_.start(0);
  }

  /// The mean loss of the next batch, before the step that it is used for. A loss that is not
  /// finite changes nothing.
  float step() {
    const nn::Batch<float>* batch = loader_.next();
    if (batch == nullptr) {
      loader_.start(++epoch_);
      batch = loader_.next();
    }
    model_.zero_gradients();
    const nn::TensorView<const float> scores = model_.forward(batch->inputs);
    gradient_.resize(scores.shape());
    const float loss = nn::SoftmaxCrossEntropy{}(scores, batch->labels, gradient_.view());
    images_ = batch->size();
    right_ = count_right(scores, batch->labels);
    if (!std::isfinite(loss)) return loss;
    model_.backward(std::as_const(gradient_).view());
    std::visit([this](auto& optimizer) { optimizer->step(model_); }, optimizer_);
    return loss;
  }

  /// Of the last batch: its images, and how many of them were recognised.
  [[nodiscard]] nn::Index images() const { return images_; }
  [[nodiscard]] nn::Index right() const { return right_; }

  void set_learning_rate(double rate) {
    std::visit([rate](auto& optimizer) { optimizer->set_learning_rate(rate); }, optimizer_);
  }

  /// How many rows have their largest score where the label is.
  [[nodiscard]] static nn::Index count_right(nn::TensorView<const float> scores,
                                             nn::TensorView<const nn::Label> labels) {
    nn::Index right = 0;
    for (nn::Index i = 0; i < labels.size(); ++i) {
      nn::Index best = 0;
      scores.rows().row(i).maxCoeff(&best);
      if (best == labels[i]) ++right;
    }
    return right;
  }

 private:
  template <class Rule>
  using Pointer = std::unique_ptr<nn::Optimizer<Rule>>;
  using AnyOptimizer = std::variant<Pointer<nn::Adam>, Pointer<nn::SGD>, Pointer<nn::RMSProp>>;

  static AnyOptimizer optimizer_of(const Model& model, const TrainingOptions& options) {
    const auto with = [&](auto rule) -> AnyOptimizer {
      rule.learning_rate = options.learning_rate;
      return std::make_unique<nn::Optimizer<decltype(rule)>>(model, rule);
    };
    if (options.optimizer == "adam") return with(nn::Adam{});
    if (options.optimizer == "sgd") return with(nn::SGD{});
    if (options.optimizer == "momentum") return with(nn::SGD{.momentum = 0.9, .nesterov = true});
    if (options.optimizer == "rmsprop") return with(nn::RMSProp{});
    throw nn::Error("there is no optimizer '" + options.optimizer +
                    "'; there are: adam, sgd, momentum, rmsprop");
  }

  Model& model_;
  AnyOptimizer optimizer_;
  nn::Loader<float> loader_;
  nn::Tensor<float> gradient_;
  nn::Index epoch_ = 0;
  nn::Index images_ = 0;
  nn::Index right_ = 0;
};

}  // namespace web
