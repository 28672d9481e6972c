/// @file
/// Which language a word is of, by counting: what a network has to be better than.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "nn/nn.hpp"
#include "support/counting_model.hpp"
#include "support/words.hpp"

namespace example {

/// Words and the number of each one's language.
struct Words {
  std::vector<std::u32string> words;
  std::vector<nn::Label> languages;

  void add(const std::u32string& word, nn::Index language) {
    words.push_back(word);
    languages.push_back(static_cast<nn::Label>(language));
  }
  [[nodiscard]] nn::Index size() const { return static_cast<nn::Index>(words.size()); }
  [[nodiscard]] nn::TensorView<const nn::Label> labels() const {
    return {languages.data(), {size()}};
  }
};

/// What counting comes to: the length of the runs that the validation set chooses.
struct Counting {
  nn::Index order = 0;
  double validation_accuracy = 0;
  nn::ConfusionMatrix test{1};
};

/// Scores words in one language: the logarithm of the probability of a word's letters and of its
/// end, each after up to `order` letters.
inline void score(const CountingModel& model, nn::Index order, const Words& words,
                  const Letters& letters, nn::Index language, nn::Tensor<float>& scores) {
  nn::parallel_for(scores.shape()[0], [&](nn::Index i) {
    const std::string word = "\n" + letters.line(words.words[static_cast<std::size_t>(i)]);
    const std::string_view view(word);
    double sum = 0;
    for (std::size_t k = 1; k < view.size(); ++k) {
      sum += std::log(model.probability(view.substr(0, k), view[k], order));
    }
    scores(i, language) = static_cast<float>(sum);
  });
}

/// Counts in each language which letters follow which, and takes for a word's language the one in
/// which it is likeliest.
[[nodiscard]] inline Counting count(const Words& training, const Words& validation,
                                    const Words& test, const Letters& letters) {
  constexpr nn::Index longest = 6;
  const auto languages = static_cast<nn::Index>(word_lists.size());
  // Scores by runs of up to 1, 2, ... letters.
  std::vector<nn::Tensor<float>> chosen_by(longest,
                                           nn::Tensor<float>({validation.size(), languages}));
  std::vector<nn::Tensor<float>> tested(longest, nn::Tensor<float>({test.size(), languages}));
  for (nn::Index language = 0; language < languages; ++language) {
    std::string text = "\n";
    for (std::size_t i = 0; i < training.words.size(); ++i) {
      if (training.languages[i] == language) text += letters.line(training.words[i]);
    }
    const CountingModel model(text, longest, letters.count() + 1);
    for (nn::Index order = 1; order <= longest; ++order) {
      const auto at = static_cast<std::size_t>(order - 1);
      score(model, order, validation, letters, language, chosen_by[at]);
      score(model, order, test, letters, language, tested[at]);
    }
  }
  Counting best;
  for (nn::Index order = 1; order <= longest; ++order) {
    const double accuracy =
        nn::accuracy(chosen_by[static_cast<std::size_t>(order - 1)], validation.labels());
    if (order > 1 && accuracy <= best.validation_accuracy) continue;
    best.order = order;
    best.validation_accuracy = accuracy;
  }
  best.test = nn::confusion_matrix(tested[static_cast<std::size_t>(best.order - 1)], test.labels());
  return best;
}

}  // namespace example
