/// @file
/// Why a network does not learn.
#pragma once

#include <cmath>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/train/divergence.hpp"
#include "nn/train/evaluate.hpp"
#include "nn/train/features.hpp"

namespace nn {

/// Options of `diagnose`.
struct DiagnosisOptions {
  Index batch_size = 64;        ///< samples to overfit; fewer if the data set has fewer
  Index steps = 300;            ///< at most
  double learning_rate = 1e-3;  ///< of Adam
};

/// The units behind one ReLU: its channels, or its elements where samples are flat.
struct DeadUnits {
  std::string path;  ///< of the ReLU in the network
  std::string name;  ///< of the ReLU
  Index units = 0;   ///< their number
  Index dead = 0;    ///< those that are 0 for every sample of the batch, and so learn nothing
};

/// What `diagnose` found. Writes itself to a stream in words.
struct Diagnosis {
  double first_loss = 0;         ///< before any learning
  double expected_loss = 0;      ///< ln C, the loss of uniform probabilities; NaN for other losses
  double last_loss = 0;          ///< after overfitting one batch
  double last_accuracy = 0;      ///< likewise, of that batch; NaN where outputs are not classes
  Index steps = 0;               ///< that it took
  std::vector<DeadUnits> relus;  ///< one for each ReLU
  std::vector<std::string> findings;  ///< what is wrong, in words; empty when all is well

  /// Whether nothing was found.
  [[nodiscard]] bool healthy() const { return findings.empty(); }
};

inline std::ostream& operator<<(std::ostream& out, const Diagnosis& diagnosis) {
  out << detail::text("loss at the first step: ", diagnosis.first_loss);
  if (!std::isnan(diagnosis.expected_loss)) {
    out << detail::text(" (a classifier that knows nothing: ", diagnosis.expected_loss, ")");
  }
  out << detail::text("\nafter ", diagnosis.steps, " steps on one batch: ", diagnosis.last_loss);
  if (!std::isnan(diagnosis.last_accuracy)) {
    out << detail::text(", accuracy ", 100 * diagnosis.last_accuracy, " %");
  }
  out << '\n';
  for (const DeadUnits& relu : diagnosis.relus) {
    out << detail::text(relu.name, " (layer ", relu.path, "): ", relu.dead, " of ", relu.units,
                        " units are dead\n");
  }
  for (const std::string& finding : diagnosis.findings) out << "! " << finding << '\n';
  if (diagnosis.healthy()) out << "nothing wrong was found\n";
  return out;
}

namespace detail {

/// Counts, in one pass, the units that are never positive in the layers that compute ReLUs.
template <class T>
class DeadUnitWatch final : public Observer<T> {
 public:
  explicit DeadUnitWatch(const Plan& root) {
    Plan::for_each(root, [&](const Plan& plan) {
      const bool relu = plan.traits.is_activation && plan.traits.activation.slope == 0;
      if (relu) paths_.insert(computing_layer(root, plan.path).path);
    });
  }
  void before(const Plan& /*plan*/, bool /*is_backward*/) override {}
  void after(const Plan& plan, bool is_backward, TensorView<const T> result) override {
    if (is_backward || !paths_.contains(plan.path)) return;
    const auto units = result.matrix();
    const Index dead = (units.colwise().maxCoeff().array() <= T(0)).count();
    found_.push_back({plan.path, plan.name, units.cols(), dead});
  }
  [[nodiscard]] const std::vector<DeadUnits>& found() const { return found_; }

 private:
  std::set<std::string> paths_;
  std::vector<DeadUnits> found_;
};

/// Trains a copy of a model on one batch and examines it.
template <class Network, class T, class LossFunction>
class Diagnostician {
 public:
  Diagnostician(const Model<Network, T>& model, const TargetDataView& data,
                const LossFunction& loss, const DiagnosisOptions& options)
      : model_(model), loss_(loss), options_(options) {
    require(!data.empty(), "diagnose needs samples, and ", data, " is empty");
    LoaderOptions loading;
    loading.batch_size = std::min(options.batch_size, data.size());
    loading.background = false;
    loader_.emplace(data, loading);
    loader_->start(0);
    batch_ = *loader_->next();
    classifies_ = classifies(model.output_shape(), data.classes());
  }

  Diagnosis run() {
    look_at_first_loss();
    look_at_relus();
    if (std::isfinite(found_.first_loss)) learn_by_heart();
    return std::move(found_);
  }

 private:
  template <class... Words>
  void find(const Words&... words) {
    found_.findings.push_back(text(words...));
  }

  double forward() {
    outputs_ = model_.forward(batch_.inputs);
    gradient_.resize(outputs_.shape());
    return batch_loss<T>(loss_, outputs_, batch_, gradient_).value;
  }

  void look_at_first_loss() {
    found_.first_loss = forward();
    found_.last_loss = found_.first_loss;
    found_.expected_loss = std::numeric_limits<double>::quiet_NaN();
    found_.last_accuracy = found_.expected_loss;
    if (!std::isfinite(found_.first_loss)) {
      find("the loss is ", found_.first_loss,
           " before anything was learned: ", explain_divergence(model_, batch_.inputs));
      return;
    }
    if constexpr (std::is_same_v<LossFunction, SoftmaxCrossEntropy>) {
      const auto classes = static_cast<double>(outputs_.shape().back());
      found_.expected_loss = std::log(classes);
      // A fresh network may prefer some classes, but not by much.
      if (found_.first_loss > 2 * found_.expected_loss + 0.5) {
        find("the first loss is far above ln ", classes,
             ": the weights start too large, or the inputs are not scaled");
      }
    }
  }

  void look_at_relus() {
    DeadUnitWatch<T> watch(model_.plan());
    Tensor<T> outputs(outputs_.shape());
    model_.predict(batch_.inputs, outputs, &watch);
    found_.relus = watch.found();
    for (const DeadUnits& relu : found_.relus) {
      if (2 * relu.dead > relu.units) {
        find(relu.dead, " of ", relu.units, " units of ", relu.name, " (layer ", relu.path,
             ") are 0 for every sample: a smaller learning rate, He initialisation or LeakyReLU "
             "helps");
      }
    }
  }

  void learn_by_heart() {
    Optimizer optimizer(model_, Adam{.learning_rate = options_.learning_rate});
    while (found_.steps < options_.steps && !learned()) {
      model_.zero_gradients();
      model_.backward(gradient_);
      optimizer.step(model_);
      ++found_.steps;
      found_.last_loss = forward();
      if (!std::isfinite(found_.last_loss)) {
        return find("learning one batch diverged at step ", found_.steps, ": ",
                    explain_divergence(model_, batch_.inputs));
      }
    }
    measure();
    if (!learned()) {
      find("the network did not learn one batch of ", batch_.size(), " samples by heart in ",
           found_.steps,
           " steps: it is too small or too strongly regularised, its gradients are "
           "wrong, or what is wanted has nothing to do with the inputs");
    }
  }

  /// In use, without dropout.
  void measure() {
    if (!classifies_) return;
    const Tensor<T> outputs = model_.predict(batch_.inputs);
    found_.last_accuracy = static_cast<double>(count_correct<T>(outputs, batch_.labels)) /
                           static_cast<double>(batch_.size());
  }

  bool learned() { return found_.last_loss < found_.first_loss / 10; }

  Model<Network, T> model_;
  const LossFunction& loss_;
  const DiagnosisOptions& options_;
  std::optional<Loader<T>> loader_;
  Batch<T> batch_;
  bool classifies_ = false;
  TensorView<const T> outputs_;
  Tensor<T> gradient_;
  Diagnosis found_;
};

}  // namespace detail

/// Looks for what commonly keeps a network from learning: whether its loss starts at ln C, whether
/// it can overfit a single batch, and which of its ReLUs are dead. Works on a copy; the
/// model stays as it is. `std::cout << nn::diagnose(model, train, nn::SoftmaxCrossEntropy{})`
template <class Network, class T, class LossFunction>
[[nodiscard]] Diagnosis diagnose(const Model<Network, T>& model, const TargetDataView& data,
                                 const LossFunction& loss, const DiagnosisOptions& options = {}) {
  return detail::Diagnostician<Network, T, LossFunction>(model, data, loss, options).run();
}

}  // namespace nn
