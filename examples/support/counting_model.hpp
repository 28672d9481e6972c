/// @file
/// Which character follows, by counting: what a network has to be better than.
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nn/core/shape.hpp"

namespace example {

/// Counts which characters of a text follow each run of up to `order` characters. What it expects
/// after a run mixes what followed it with what it expects after the run without its first
/// character, by the rule of Witten and Bell ("The zero-frequency problem", 1991): a run that was
/// followed n times, by d different characters, weighs n to d. Before the shortest run all
/// characters are equally likely.
class CountingModel {
 public:
  /// @param text which has to last as long as the model
  CountingModel(std::string_view text, nn::Index order, nn::Index characters)
      : text_(text), order_(order), characters_(characters) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (std::size_t length = 0; length <= std::min(i, static_cast<std::size_t>(order));
           ++length) {
        counts_[text.substr(i - length, length)].add(text[i]);
      }
    }
  }

  /// The probability of `next` after `before`, by runs of up to `order` characters.
  [[nodiscard]] double probability(std::string_view before, char next, nn::Index order) const {
    double result = 1.0 / static_cast<double>(characters_);
    const std::size_t longest = std::min(before.size(), static_cast<std::size_t>(order));
    for (std::size_t length = 0; length <= longest; ++length) {
      const auto found = counts_.find(before.substr(before.size() - length));
      if (found == counts_.end()) break;
      const Followers& followers = found->second;
      const auto kinds = static_cast<double>(followers.counts.size());
      result = (static_cast<double>(followers.count(next)) + kinds * result) /
               (static_cast<double>(followers.total) + kinds);
    }
    return result;
  }

  /// Bits that a character of `text` costs, each after those before it, of which the first come
  /// after the text that was counted.
  [[nodiscard]] double bits(std::string_view text, nn::Index order) const {
    double sum = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
      sum -= std::log2(probability(text.substr(0, i), text[i], order));
    }
    return sum / static_cast<double>(text.size() - 1);
  }

  /// As given.
  [[nodiscard]] nn::Index order() const { return order_; }

 private:
  struct Followers {
    std::vector<std::pair<char, nn::Index>> counts;
    nn::Index total = 0;

    void add(char character) {
      ++total;
      for (auto& [known, count] : counts) {
        if (known == character) {
          ++count;
          return;
        }
      }
      counts.emplace_back(character, 1);
    }
    [[nodiscard]] nn::Index count(char character) const {
      for (const auto& [known, count] : counts) {
        if (known == character) return count;
      }
      return 0;
    }
  };

  std::string_view text_;
  nn::Index order_;
  nn::Index characters_;
  std::unordered_map<std::string_view, Followers> counts_;
};

}  // namespace example
