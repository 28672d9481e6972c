/// @file
/// Networks that tell which character comes next: how they are made, read a text, and write one.
#pragma once

#include <nn/sequences.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/characters.hpp"

namespace example {

/// A network whose samples are characters by their numbers, and whose outputs are logits of the
/// next character after each.
using TextModel = nn::Model<nn::Sequential<nn::AnyLayer>>;

/// How large a network is, and what it learns from at a time.
struct TextSizes {
  std::string network = "lstm";  ///< or "gru", "transformer"
  nn::Index steps = 64;          ///< characters of a sample: as far as gradients and attention go
  nn::Index samples = 32;        ///< of a batch
  nn::Index units = 256;         ///< of LSTM and GRU; features of the transformer
  nn::Index blocks = 4;          ///< of the transformer
  float dropout = 0.1F;          ///< before the last layer, and in the transformer's blocks
};

/// Those that each network begins with: batches of as many characters, but a transformer knows of
/// none beyond its sample.
inline TextSizes text_sizes(const std::string& network) {
  if (network != "transformer") return {.network = network};
  return {.network = network, .steps = 128, .samples = 16, .units = 128};
}

/// The network of these sizes for so many different characters.
inline nn::Sequential<nn::AnyLayer> text_network(const TextSizes& sizes, nn::Index characters) {
  nn::Sequential<nn::AnyLayer> network;
  if (sizes.network == "transformer") {
    network.push_back(nn::Embedding{.tokens = characters, .features = sizes.units});
    for (nn::Index i = 0; i < sizes.blocks; ++i) {
      network.push_back(nn::transformer_block({.features = sizes.units,
                                               .heads = 4,
                                               .dropout = sizes.dropout,
                                               .causal = true,
                                               .rotary = true}));
    }
    network.push_back(nn::LayerNorm{});
  } else {
    network.push_back(nn::Embedding{.tokens = characters, .features = 64});
    if (sizes.network == "lstm") {
      network.push_back(nn::LSTM{.units = sizes.units, .return_sequence = true});
    } else {
      network.push_back(nn::GRU{.units = sizes.units, .return_sequence = true});
    }
    network.push_back(nn::Dropout{sizes.dropout});
  }
  network.push_back(nn::Dense{characters});
  return network;
}

/// Whether a model goes on from one batch to the next, or sees its samples alone.
inline bool carries(const TextModel& model) {
  bool found = false;
  nn::Plan::for_each(model.plan(), [&](const nn::Plan& plan) { found |= plan.carried > 0; });
  return found;
}

/// The same weights for samples of another length.
inline TextModel with_steps(const TextModel& model, nn::Index steps) {
  TextModel other(model.network(), nn::Shape{steps});
  const nn::TensorView<const float> weights = model.parameters();
  std::copy(weights.begin(), weights.end(), other.parameters().begin());
  return other;
}

/// Batches of a text for truncated backpropagation through time: the text is divided among the
/// samples of a batch, and batch after batch takes the next steps of all of them.
class TextBatches {
 public:
  TextBatches(std::vector<nn::Index> text, const TextSizes& sizes)
      : text_(std::move(text)),
        sizes_(sizes),
        inputs_({sizes.samples, sizes.steps}),
        targets_({sizes.samples * sizes.steps}) {
    nn::require(count() > 0, "the text has ", text_.size(), " characters, too few for ",
                sizes.samples, " samples of ", sizes.steps);
  }

  /// The batches of an epoch. One stretch of a sample's length stays aside, for `shift`.
  [[nodiscard]] nn::Index count() const { return (part() - 1) / sizes_.steps - 1; }

  /// Makes a batch. With another `shift` below `steps` the text is cut elsewhere.
  void make(nn::Index batch, nn::Index shift) {
    for (nn::Index n = 0; n < sizes_.samples; ++n) {
      const nn::Index first = n * part() + shift + batch * sizes_.steps;
      for (nn::Index step = 0; step < sizes_.steps; ++step) {
        const auto place = static_cast<std::size_t>(first + step);
        inputs_(n, step) = static_cast<float>(text_[place]);
        targets_[n * sizes_.steps + step] = static_cast<nn::Label>(text_[place + 1]);
      }
    }
  }

  [[nodiscard]] nn::TensorView<const float> inputs() const { return inputs_; }
  [[nodiscard]] nn::TensorView<const nn::Label> targets() const { return targets_; }

 private:
  [[nodiscard]] nn::Index part() const {
    return static_cast<nn::Index>(text_.size()) / sizes_.samples;
  }

  std::vector<nn::Index> text_;
  TextSizes sizes_;
  nn::Tensor<float> inputs_;
  nn::Tensor<nn::Label> targets_;
};

/// Bits that logits cost for a target: -log2 of its probability.
inline double bits_of(std::span<const float> logits, nn::Index target) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  return (std::log(sum) + static_cast<double>(largest - logits[static_cast<std::size_t>(target)])) /
         std::log(2.0);
}

/// The mean of the bits that each character of a text but the first costs. A network that carries
/// its state reads the text in one go; another reads it in overlapping samples, so that it always
/// sees at least half a sample before.
inline double bits_of(const TextModel& model, std::span<const nn::Index> text) {
  const nn::Index steps = model.input_shape()[0];
  const nn::Index characters = model.output_shape().back();
  const bool carried = carries(model);
  std::optional<nn::CarriedState<float>> state;
  if (carried) state = model.carried_state(1);
  nn::Tensor<float> inputs({1, steps});
  const auto size = static_cast<nn::Index>(text.size());
  double sum = 0;
  nn::Index counted = 1;  // the next place to be told
  for (nn::Index first = 0; counted < size; first += carried ? steps : steps / 2) {
    for (nn::Index step = 0; step < steps; ++step) {
      const nn::Index place = std::min(first + step, size - 1);  // what comes after is not counted
      inputs[step] = static_cast<float>(text[static_cast<std::size_t>(place)]);
    }
    const nn::Tensor<float> logits =
        carried ? model.predict(inputs, *state) : model.predict(inputs);
    for (; counted < size && counted <= first + steps; ++counted) {
      const float* row = logits.data() + (counted - 1 - first) * characters;
      sum += bits_of({row, static_cast<std::size_t>(characters)},
                     text[static_cast<std::size_t>(counted)]);
    }
  }
  return sum / static_cast<double>(size - 1);
}

/// Reads and writes with a model, one character after another.
class Writer {
 public:
  explicit Writer(const TextModel& model)
      : model_(carries(model) ? with_steps(model, 1) : model), carries_(carries(model)) {
    if (carries_) state_ = model_.carried_state(1);
  }

  /// Reads a character. @return the logits of the next
  std::span<const float> read(nn::Index character) {
    const nn::Index characters = model_.output_shape().back();
    if (carries_) {
      inputs_ = nn::Tensor<float>({1, 1}, {static_cast<float>(character)});
      outputs_ = model_.predict(inputs_, *state_);
      return {outputs_.data(), static_cast<std::size_t>(characters)};
    }
    // As much as a sample holds is read again for each character; what stands after it is not seen.
    const nn::Index steps = model_.input_shape()[0];
    if (static_cast<nn::Index>(seen_.size()) == steps) seen_.erase(seen_.begin());
    seen_.push_back(static_cast<float>(character));
    inputs_ = nn::Tensor<float>({1, steps});
    std::copy(seen_.begin(), seen_.end(), inputs_.begin());
    outputs_ = model_.predict(inputs_);
    return {outputs_.data() + (static_cast<nn::Index>(seen_.size()) - 1) * characters,
            static_cast<std::size_t>(characters)};
  }

 private:
  TextModel model_;
  bool carries_;
  std::optional<nn::CarriedState<float>> state_;
  std::vector<float> seen_;
  nn::Tensor<float> inputs_;
  nn::Tensor<float> outputs_;
};

/// Probabilities by logits. At a temperature below 1 the likely becomes likelier.
inline std::vector<double> probabilities_of(std::span<const float> logits, double temperature = 1) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> result;
  double sum = 0;
  for (const float logit : logits) {
    result.push_back(std::exp(static_cast<double>(logit - largest) / temperature));
    sum += result.back();
  }
  for (double& probability : result) probability /= sum;
  return result;
}

/// What a model writes after `prompt`.
/// @throws nn::Error when the prompt is empty or has a character that the text had not.
inline std::string write_text(const TextModel& model, const Alphabet& alphabet,
                              std::string_view prompt, nn::Index count, double temperature,
                              nn::Random random) {
  nn::require(!prompt.empty(), "the prompt is empty");
  Writer writer(model);
  std::span<const float> logits;
  for (const nn::Index character : alphabet.numbers(prompt)) logits = writer.read(character);
  std::string text;
  for (nn::Index i = 0; i < count; ++i) {
    const std::vector<double> probabilities = probabilities_of(logits, temperature);
    double left = random.uniform(0, 1);
    nn::Index next = 0;
    while (next + 1 < alphabet.size() && left >= probabilities[static_cast<std::size_t>(next)]) {
      left -= probabilities[static_cast<std::size_t>(next++)];
    }
    text += alphabet[next];
    logits = writer.read(next);
  }
  return text;
}

}  // namespace example
