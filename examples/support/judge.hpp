/// @file
/// A classifier that judges generated images: by the features it sees in them and by the classes it
/// takes them for.
#pragma once

#include <nn/kernels/kernels.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include "nn/io/safetensors.hpp"
#include "nn/nn.hpp"
#include "nn/train/generation_metrics.hpp"
#include "nn/train/nearest_neighbours.hpp"

namespace example {

/// What the judge sees in a set of images.
struct Judgement {
  nn::Tensor<float> features;       ///< N x 128: the last hidden layer
  nn::Tensor<float> probabilities;  ///< N x classes
};

/// The layers up to the features, twice as wide for images in colour.
[[nodiscard]] inline auto judge_body(const nn::Shape& image) {
  using namespace nn;  // NOLINT(google-build-using-namespace): these few lines are all layers
  const Index times = image.back() == 1 ? 1 : 2;
  const auto convolution = [times](Index filters) {
    return Conv2D{.filters = times * filters, .kernel = 3, .padding = 1, .bias = false};
  };
  return sequential(convolution(32), BatchNorm{}, ReLU{}, MaxPool2D{2}, convolution(64),
                    BatchNorm{}, ReLU{}, MaxPool2D{2}, convolution(64), BatchNorm{}, ReLU{},
                    MaxPool2D{2}, Flatten{}, Dense{128}, ReLU{});
}

/// A convolutional classifier in two parts: the features, and the classes that follow from them.
class Judge {
 public:
  /// How it is trained, if there are no weights of it in `weights` yet.
  struct Options {
    std::filesystem::path weights{};
    nn::Index epochs = 4;
    bool flip = false;  ///< whether it learns from mirrored images as well
    std::vector<nn::Callback> callbacks{};
  };

  /// Loads the judge from its file, or trains it on `learned` and saves it. Its seed is fixed, so
  /// that the generators of different seeds stand before the same judge.
  Judge(const nn::Dataset& learned, const Options& options)
      : whole_(nn::sequential(judge_body(learned.sample_shape()), nn::Dense{learned.classes()}),
               learned.sample_shape(), {.seed = 2024}),
        features_(judge_body(learned.sample_shape()), learned.sample_shape()),
        head_(nn::Dense{learned.classes()}, features_.output_shape()) {
    std::error_code ignored;
    if (std::filesystem::exists(options.weights, ignored)) {
      nn::load(whole_, options.weights);
    } else {
      train(learned, options);
      nn::save(whole_, options.weights);
    }
    share_out();
  }

  [[nodiscard]] double accuracy(const nn::Dataset& data) const {
    return nn::accuracy(whole_, data);
  }
  [[nodiscard]] const auto& model() const { return whole_; }

  /// @param images N x height x width x channels, normalised as the images it learned from
  [[nodiscard]] Judgement operator()(nn::TensorView<const float> images) const {
    Judgement result{features_.predict(images), {}};
    result.probabilities = head_.predict(result.features);
    auto rows = result.probabilities.matrix();
    for (nn::Index i = 0; i < rows.rows(); ++i) {
      const float highest = rows.row(i).maxCoeff();
      rows.row(i) = (rows.row(i).array() - highest).exp().matrix();
      rows.row(i) /= rows.row(i).sum();
    }
    return result;
  }

 private:
  void train(const nn::Dataset& learned, const Options& options) {
    nn::fit(
        whole_, learned, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 3e-3},
        {.epochs = options.epochs,
         .batch_size = std::min<nn::Index>(128, learned.size()),
         .seed = 2024,
         .schedule = nn::one_cycle_schedule(),
         .augmentation = nn::compose(nn::RandomShift{2}, nn::RandomFlip{options.flip ? 0.5 : 0.0}),
         .callbacks = options.callbacks});
  }

  /// Gives the two parts the weights of the whole, whose blocks are theirs one after the other.
  void share_out() {
    const auto split = [](auto whole, auto first, auto second) {
      std::copy_n(whole.begin(), first.size(), first.begin());
      std::copy_n(whole.begin() + first.size(), second.size(), second.begin());
    };
    split(whole_.parameters(), features_.parameters(), head_.parameters());
    split(whole_.state(), features_.state(), head_.state());
  }

  using Body = decltype(judge_body({}));

  nn::Model<decltype(nn::sequential(std::declval<Body>(), nn::Dense{}))> whole_;
  nn::Model<Body> features_;
  nn::Model<nn::Dense> head_;
};

/// The figures by which generated images are compared with real ones.
struct Quality {
  std::vector<double> class_shares;
  double classifier_score = 0;
  double frechet_distance = 0;
  double nearest_neighbour_accuracy = 0;
  double nearest_neighbour_real = 0;       ///< of the real images alone
  double nearest_neighbour_generated = 0;  ///< of the generated ones alone
};

/// Compares images with those of a test set, as the judge sees them.
class QualityMeter {
 public:
  /// @param test the images to be like, as many as will be compared with them
  QualityMeter(const Judge& judge, nn::TensorView<const float> test)
      : judge_(judge), test_(judge(test)), statistics_(nn::feature_statistics(test_.features)) {}

  [[nodiscard]] const Judgement& test() const { return test_; }

  [[nodiscard]] Quality operator()(nn::TensorView<const float> images) const {
    const Judgement seen = judge_(images);
    Quality quality;
    quality.class_shares = nn::class_shares(seen.probabilities);
    quality.classifier_score = nn::classifier_score(seen.probabilities);
    quality.frechet_distance =
        nn::frechet_distance(nn::feature_statistics(seen.features), statistics_);
    const nn::TwoSampleResult neighbours =
        nn::nearest_neighbour_test(test_.features, seen.features);
    quality.nearest_neighbour_accuracy = neighbours.accuracy;
    quality.nearest_neighbour_real = neighbours.real_accuracy;
    quality.nearest_neighbour_generated = neighbours.generated_accuracy;
    return quality;
  }

 private:
  const Judge& judge_;
  Judgement test_;
  nn::FeatureStatistics statistics_;
};

}  // namespace example
