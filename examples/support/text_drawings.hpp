/// @file
/// What can be drawn of networks that read texts.
#pragma once

#include <nn/viz/canvas.hpp>
#include <nn/viz/plot.hpp>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "support/text_model.hpp"

namespace example {

/// How far a network has come.
struct TextMoment {
  nn::Index characters = 0;    ///< that it has learned from, each as often as it was seen
  double seconds = 0;          ///< of learning
  double training_bits = 0;    ///< a character, over what it has read since the last moment
  double validation_bits = 0;  ///< a character
};

/// A network's name and its moments.
struct TextCurve {
  std::string name;
  std::vector<TextMoment> moments;
};

/// Draws bits.png: the validation set's bits a character against the time of learning, and one line
/// for what counting comes to.
inline void draw_bits(const std::filesystem::path& folder, const std::vector<TextCurve>& curves,
                      double counting_bits) {
  std::vector<nn::viz::Curve> drawn;
  for (const TextCurve& curve : curves) {
    nn::viz::Curve line{.name = curve.name, .style = nn::viz::CurveStyle::line};
    for (const TextMoment& moment : curve.moments) {
      line.x.push_back(moment.seconds);
      line.y.push_back(moment.validation_bits);
    }
    drawn.push_back(line);
  }
  double lowest = counting_bits;
  double highest = counting_bits;  // where the worst network ends
  for (const nn::viz::Curve& curve : drawn) {
    lowest = std::min(lowest, *std::min_element(curve.y.begin(), curve.y.end()));
    highest = std::max(highest, curve.y.back());
  }
  nn::viz::plot_curves(folder / "bits.png", drawn,
                       {.x = {.label = "seconds of learning", .min = 0},
                        .y = {.label = "bits a character",
                              .min = std::floor(5 * lowest) / 5,
                              .max = std::max(lowest + 1.2, highest + 0.3)},
                        .lines = {{.at = counting_bits, .label = "counting"}}});
}

/// How a line break and a space are shown.
inline std::string shown(char character) {
  if (character == '\n') return "\u21b5";
  return character == ' ' ? "\u2423" : std::string(1, character);
}

/// Draws expected.png: under each character of `text` the five that the network took for the most
/// likely at this place, having read `before` and the text up to it; the darker, the likelier. A
/// frame marks the one that came.
inline void draw_expected(const std::filesystem::path& folder, const TextModel& model,
                          const Alphabet& alphabet, std::string_view before,
                          std::string_view text) {
  constexpr std::size_t guesses = 5;
  constexpr double cell = 21;
  constexpr double left = 96;
  constexpr double first = 44;
  Writer writer(model);
  std::span<const float> logits;
  for (const nn::Index character : alphabet.numbers(before)) logits = writer.read(character);
  nn::viz::Canvas canvas(
      {static_cast<nn::Index>(left + cell * static_cast<double>(text.size())) + 8,
       static_cast<nn::Index>(first + guesses * cell) + 8});
  canvas.words("text", left - 10, 22, {.align = nn::viz::Align::right, .bold = true});
  canvas.words("expected", left - 10, first + cell / 2, {.align = nn::viz::Align::right});
  for (std::size_t i = 0; i < text.size(); ++i) {
    const double x = left + cell * static_cast<double>(i);
    const nn::Index came = alphabet.number(text[i]);
    canvas.words(shown(text[i]), x + cell / 2, 22, {.align = nn::viz::Align::centre, .bold = true});
    const std::vector<double> probabilities = probabilities_of(logits);
    std::vector<std::size_t> order(probabilities.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::partial_sort(
        order.begin(), order.begin() + guesses, order.end(),
        [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
    for (std::size_t k = 0; k < guesses; ++k) {
      const double y = first + cell * static_cast<double>(k);
      const nn::viz::Colour colour =
          nn::viz::colour_of(probabilities[order[k]], nn::viz::ColourScale::blues);
      canvas.box(x + 1, y + 1, cell - 2, cell - 2, colour);
      if (static_cast<nn::Index>(order[k]) == came) {
        canvas.frame(x + 1, y + 1, cell - 2, cell - 2, 2, {213, 94, 0});
      }
      canvas.words(shown(alphabet[static_cast<nn::Index>(order[k])]), x + cell / 2, y + cell / 2,
                   {.points = nn::viz::figure_points - 1,
                    .colour = nn::viz::text_on(colour),
                    .align = nn::viz::Align::centre});
    }
    logits = writer.read(came);
  }
  canvas.write(folder / "expected.png");
}

}  // namespace example
