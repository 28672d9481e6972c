/// @file
/// A classifier's predictions for a test set: counted, listed and drawn.
#pragma once

#include <nn/kernels/kernels.hpp>
#include <nn/viz/labelled_grid.hpp>
#include <nn/viz/probabilities.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "nn/nn.hpp"
#include "support/metrics.hpp"
#include "support/page.hpp"
#include "support/text.hpp"

namespace example {

/// The network's predictions for the test set.
struct Answers {
  nn::Tensor<float> probabilities;  ///< one row an image
  std::vector<nn::Label> labels;    ///< the class with the highest
  std::vector<float> confidence;    ///< the highest probability of each
  nn::ConfusionMatrix confusion;
  std::vector<nn::Index> wrong;  ///< places, the most confident first
};

/// @param probabilities one row an image of `test`
[[nodiscard]] inline Answers answers_of(const nn::Tensor<float>& probabilities,
                                        const nn::Dataset& test) {
  Answers answers{probabilities, {}, {}, nn::confusion_matrix(probabilities, test.labels()), {}};
  for (nn::Index i = 0; i < test.size(); ++i) {
    const auto row = answers.probabilities.sample(i);
    const nn::Label label = nn::predicted_class(std::span<const float>(row.span()));
    answers.labels.push_back(label);
    answers.confidence.push_back(row[label]);
    if (label != test.label(i)) answers.wrong.push_back(i);
  }
  std::stable_sort(answers.wrong.begin(), answers.wrong.end(), [&](nn::Index a, nn::Index b) {
    return answers.confidence[static_cast<std::size_t>(a)] >
           answers.confidence[static_cast<std::size_t>(b)];
  });
  return answers;
}

/// The counts of a confusion matrix: a list for each true class.
[[nodiscard]] inline Metrics confusion_metrics(const nn::ConfusionMatrix& confusion) {
  Metrics matrix = Metrics::array();
  for (nn::Label truth = 0; truth < confusion.classes(); ++truth) {
    Metrics row = Metrics::array();
    for (nn::Label answer = 0; answer < confusion.classes(); ++answer) {
      row.push_back(confusion(truth, answer));
    }
    matrix.push_back(row);
  }
  return matrix;
}

/// An image of a data set, to be drawn.
[[nodiscard]] inline nn::viz::Image picture_of(const nn::Dataset& data, nn::Index index) {
  return nn::viz::Image(data.image(index));
}

/// One row of examples for each class, as examples.png.
inline void draw_examples(const std::filesystem::path& folder, const nn::Dataset& train) {
  constexpr nn::Index columns = 12;
  std::vector<nn::viz::Image> images;
  for (nn::Label label = 0; label < train.classes(); ++label) {
    nn::Index found = 0;
    for (nn::Index i = 0; i < train.size() && found < columns; ++i) {
      if (train.label(i) != label) continue;
      images.push_back(picture_of(train, i));
      ++found;
    }
  }
  nn::viz::write_image_grid(folder / "examples.png", images, columns,
                            {.row_titles = train.class_names()});
}

/// Images beside the probabilities of their classes.
inline void draw_predictions(const std::filesystem::path& folder, const std::string& file,
                             const nn::Dataset& test, const Answers& answers,
                             const std::vector<nn::Index>& which) {
  std::vector<nn::viz::Prediction> predictions;
  for (const nn::Index i : which) {
    const auto row = answers.probabilities.sample(i);
    predictions.push_back({picture_of(test, i), {row.begin(), row.end()}, test.label(i)});
  }
  nn::viz::plot_predictions(folder / file, predictions, {.class_names = test.class_names()});
}

/// The first example of each class that was recognised, at most `count`.
[[nodiscard]] inline std::vector<nn::Index> right_examples(const nn::Dataset& test,
                                                           const Answers& answers,
                                                           nn::Index count) {
  std::vector<nn::Index> result;
  for (nn::Label label = 0; label < test.classes(); ++label) {
    for (nn::Index i = 0; i < test.size(); ++i) {
      if (test.label(i) != label || answers.labels[static_cast<std::size_t>(i)] != label) continue;
      result.push_back(i);
      break;
    }
  }
  result.resize(std::min(result.size(), static_cast<std::size_t>(count)));
  return result;
}

/// Draws the most confident errors as errors.png; returns how many there are to see.
inline nn::Index draw_worst(const std::filesystem::path& folder, const nn::Dataset& test,
                            const Answers& answers) {
  constexpr std::size_t most = 24;
  std::vector<nn::viz::Image> images;
  std::vector<std::string> labels;
  for (std::size_t k = 0; k < std::min(most, answers.wrong.size()); ++k) {
    const nn::Index i = answers.wrong[k];
    const auto place = static_cast<std::size_t>(i);
    images.push_back(picture_of(test, i));
    const bool digits = test.class_names()[0].size() == 1;
    const std::string truth = test.class_names()[static_cast<std::size_t>(test.label(i))];
    const std::string answer = test.class_names()[static_cast<std::size_t>(answers.labels[place])];
    labels.push_back(truth + (digits ? " as " : "\nas ") + answer);
  }
  if (!images.empty()) {
    nn::viz::write_image_grid(folder / "errors.png", images, 8, {.scale = 5, .labels = labels});
  }
  return static_cast<nn::Index>(images.size());
}

/// Each class, how often it was recognised and what else it was taken for.
[[nodiscard]] inline Table rates_table(const nn::Dataset& test, const Answers& answers) {
  Table table{.caption = "Accuracy of each class on the test set.",
              .columns = {"class", "images", "recognised", "accuracy", "most often taken for"}};
  const auto name = [&](nn::Label label) {
    return test.class_names()[static_cast<std::size_t>(label)];
  };
  const nn::ConfusionMatrix& counts = answers.confusion;
  for (nn::Label truth = 0; truth < test.classes(); ++truth) {
    nn::Label most = truth == 0 ? 1 : 0;
    for (nn::Label other = 0; other < test.classes(); ++other) {
      if (other != truth && counts(truth, other) > counts(truth, most)) most = other;
    }
    const nn::Index times = counts(truth, most);
    table.rows.push_back({name(truth), thousands(counts.actual(truth)),
                          thousands(counts(truth, truth)), percent(counts.recall(truth)),
                          times == 0 ? "none" : name(most) + " (" + counted(times, "time") + ")"});
  }
  return table;
}

}  // namespace example
