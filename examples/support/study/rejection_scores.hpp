/// @file
/// What the network of part2_rejection makes of images: its answers, how sure it is of them, and
/// how far the images lie from all classes.
#pragma once

#include <nn/train/mahalanobis.hpp>
#include <nn/train/rejection.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/classifier.hpp"

namespace example::rejection {

using nn::Dataset;
using nn::Index;
using nn::Label;
using nn::Reject;

/// The images to learn from, to choose all thresholds on, and never seen before the end.
struct Sets {
  Dataset training;
  Dataset validation;
  Dataset test;
};

inline Sets load(const Flags& options) {
  const nn::TrainTest mnist = load_sets(options);
  auto [training, validation] = nn::split(mnist.train, {0.9, 0.1}, {.seed = options.seed});
  return {training, validation, mnist.test};
}

/// Which of the network's inner results are the features in which distances are measured.
struct FeatureChoice {
  std::string name;
  bool hidden = false;  ///< the units of the last hidden layer
  Index parts = 0;      ///< means of the last feature maps over parts x parts pieces of the image
};

/// The means of maps, N x H x W x C, over parts x parts pieces: N x (parts * parts * C).
inline nn::Tensor<float> means_by_place(const nn::Tensor<float>& maps, Index parts) {
  const nn::Shape& shape = maps.shape();
  const Index height = shape[1];
  const Index width = shape[2];
  const Index channels = shape[3];
  nn::Tensor<float> means({shape[0], parts * parts * channels});
  const auto pixels = maps.view().reshaped({shape[0] * height * width, channels});
  auto result = means.matrix();
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index part = 0; part < parts * parts; ++part) {
      const Index row = part / parts;
      const Index column = part % parts;
      const Index top = row * height / parts;
      const Index bottom = (row + 1) * height / parts;
      const Index left = column * width / parts;
      const Index count = (column + 1) * width / parts - left;
      auto mean = result.row(n).segment(part * channels, channels);
      for (Index y = top; y < bottom; ++y) {
        mean += pixels.matrix().middleRows((n * height + y) * width + left, count).colwise().sum() /
                static_cast<float>(count * (bottom - top));
      }
    }
  }
  return means;
}

template <class Model>
nn::Tensor<float> features_of(const Model& model, const Dataset& data,
                              const FeatureChoice& choice) {
  // The places of the second pooling and of the hidden layer in example::convolutional_network.
  constexpr const char* pooled = "7";
  constexpr const char* hidden = "9";
  if (choice.parts == 0) return nn::features(model, data, hidden);
  nn::Tensor<float> means = means_by_place(nn::features(model, data, pooled), choice.parts);
  if (!choice.hidden) return means;
  const nn::Tensor<float> units = nn::features(model, data, hidden);
  nn::Tensor<float> both({data.size(), units.shape()[1] + means.shape()[1]});
  both.matrix() << units.matrix(), means.matrix();
  return both;
}

/// One number for each image.
struct Scores {
  std::vector<double> posterior = {};  ///< the largest
  std::vector<double> margin = {};     ///< of the largest over the second
  std::vector<double> distance = {};
  std::vector<Label> answer = {};
  std::vector<bool> correct = {};

  [[nodiscard]] Index count() const { return static_cast<Index>(correct.size()); }
  [[nodiscard]] Index right() const { return std::count(correct.begin(), correct.end(), true); }
  [[nodiscard]] double accuracy() const {
    return static_cast<double>(right()) / static_cast<double>(count());
  }
};

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

inline void append(Scores& to, const Scores& from) {
  append(to.posterior, from.posterior);
  append(to.margin, from.margin);
  append(to.distance, from.distance);
  append(to.answer, from.answer);
  append(to.correct, from.correct);
}

/// In double: in float, half of the largest posteriors would be the same 1.
inline nn::Tensor<double> posteriors_of(const nn::Tensor<float>& logits) {
  nn::Tensor<double> exact(logits.shape());
  std::copy(logits.begin(), logits.end(), exact.begin());
  return nn::softmax_rows(exact);
}

/// A network, and the distances in its features.
template <class Model>
class Scorer {
 public:
  /// @param learned the images whose features give the means and the covariance of the classes
  Scorer(const Model& model, FeatureChoice choice, const Dataset& learned)
      : model_(model),
        choice_(std::move(choice)),
        distance_(features_of(model, learned, choice_), learned.labels(), learned.classes(), 1e-3) {
  }

  /// The distances alone, block by block: the features of a whole set would take much memory.
  [[nodiscard]] std::vector<double> distances(const Dataset& data) const {
    constexpr Index block = 2048;
    std::vector<double> all;
    for (Index first = 0; first < data.size(); first += block) {
      const Dataset part = data.slice(first, std::min(block, data.size() - first));
      append(all, distance_(features_of(model_, part, choice_)));
    }
    return all;
  }

  [[nodiscard]] Scores operator()(const Dataset& data) const {
    const nn::Tensor<float> logits = nn::predict(model_, data);
    const nn::Tensor<double> posteriors = posteriors_of(logits);
    Scores scores{.posterior = nn::largest_posteriors(posteriors),
                  .margin = nn::posterior_margins(posteriors),
                  .distance = distances(data)};
    for (Index i = 0; i < data.size(); ++i) {
      const Label answer = nn::predicted_class(std::span<const float>(logits.sample(i).span()));
      scores.answer.push_back(answer);
      scores.correct.push_back(answer == data.label(i));
    }
    return scores;
  }

 private:
  const Model& model_;
  FeatureChoice choice_;
  nn::MahalanobisDistance distance_;
};

}  // namespace example::rejection
