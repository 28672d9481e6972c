/// @file
/// A large picture with digits and other images on it, which part3_detector searches for digits.
#pragma once

#include <nn/data/random_images.hpp>
#include <nn/viz/heat_map.hpp>
#include <nn/viz/image.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "support/study/detector_images.hpp"

namespace example::detector {

/// What a logit says: the probability of a digit.
inline double probability(float logit) { return 1 / (1 + std::exp(-static_cast<double>(logit))); }

/// How many cards lie on the sheet, and what the detector makes of them.
struct Scan {
  Index digits = 0;
  Index distractors = 0;  ///< cards without a digit
  Index found = 0;        ///< of the digits
  Index false_alarms = 0;
};

/// A square of the sheet, by its upper left corner.
struct Card {
  Index top = 0;
  Index left = 0;
  bool digit = false;
};

/// Lays cards of 28x28 pixels at random places of a textured sheet, none over another.
inline std::vector<Card> lay_cards(nn::Tensor<std::uint8_t>& sheet, const Dataset& digits,
                                   const Dataset& others, std::uint64_t seed) {
  nn::Random random(seed, 77U);
  nn::Texture{.spacings = {8, 16, 32, 64}, .darkest = {20, 20}, .brightest = {220, 220}}(
      random, sheet.view());
  std::vector<Card> cards;
  for (int attempt = 0; attempt < 2000 && cards.size() < 30; ++attempt) {
    const Card card{random.below(sheet.shape()[0] - 36) + 4,
                    random.below(sheet.shape()[1] - 36) + 4, cards.size() % 3 != 2};
    const bool free = std::none_of(cards.begin(), cards.end(), [&](const Card& other) {
      return std::abs(other.top - card.top) < 36 && std::abs(other.left - card.left) < 36;
    });
    if (!free) continue;
    const Dataset& source = card.digit ? digits : others;
    const auto image = source.image(random.below(source.size()));
    for (Index y = 0; y < side; ++y) {
      for (Index x = 0; x < side; ++x) sheet(card.top + y, card.left + x) = image(y, x, 0);
    }
    cards.push_back(card);
  }
  return cards;
}

/// The probability of a digit in every window of 28x28 pixels, two pixels apart.
template <class Detector>
nn::Tensor<float> slide(const Detector& detector, const nn::Tensor<std::uint8_t>& sheet,
                        const nn::Normalization& normalization) {
  constexpr Index step = 2;
  const Index rows = (sheet.shape()[0] - side) / step + 1;
  const Index columns = (sheet.shape()[1] - side) / step + 1;
  nn::Tensor<float> map({rows, columns});
  nn::Tensor<float> windows({columns, side, side, 1});
  for (Index row = 0; row < rows; ++row) {
    for (Index i = 0; i < windows.size(); ++i) {
      const Index y = row * step + i / side % side;
      const Index x = i / (side * side) * step + i % side;
      windows[i] = static_cast<float>(normalization.apply(sheet(y, x) / 255.0, 0));
    }
    const nn::Tensor<float> answers = detector.predict(windows);
    for (Index column = 0; column < columns; ++column) {
      map(row, column) = static_cast<float>(probability(answers[column]));
    }
  }
  return map;
}

/// The windows that are taken for a digit, the surest first, without those near a surer one.
inline std::vector<Card> find_digits(const nn::Tensor<float>& map) {
  std::vector<Index> order(static_cast<std::size_t>(map.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return map[a] > map[b]; });
  std::vector<Card> found;
  for (const Index place : order) {
    if (map[place] <= 0.5F) break;
    const Card window{place / map.shape()[1] * 2, place % map.shape()[1] * 2, true};
    const bool taken = std::any_of(found.begin(), found.end(), [&](const Card& other) {
      return std::abs(other.top - window.top) < 20 && std::abs(other.left - window.left) < 20;
    });
    if (!taken) found.push_back(window);
  }
  return found;
}

/// Searches a sheet; draws it as sheet.png and the answers of all windows as response.png.
template <class Detector>
Scan scan_sheet(const Options& options, const Detector& detector, const Dataset& digits,
                const Dataset& others) {
  nn::Tensor<std::uint8_t> sheet({300, 400});
  const std::vector<Card> cards = lay_cards(sheet, digits, others, options.seed);
  const nn::Tensor<float> map = slide(detector, sheet, digits.normalization());
  constexpr Index scale = 2;
  const nn::viz::Image grey(std::as_const(sheet).view());
  nn::viz::Image picture = nn::viz::to_rgb(nn::viz::upscaled(grey, scale));
  Scan scan;
  std::set<const Card*> hit;
  for (const Card& window : find_digits(map)) {
    const auto card = std::find_if(cards.begin(), cards.end(), [&](const Card& one) {
      return one.digit && std::abs(one.top - window.top) <= 8 &&
             std::abs(one.left - window.left) <= 8;
    });
    const bool right = card != cards.end();
    if (right) hit.insert(&*card);
    if (!right) ++scan.false_alarms;
    nn::viz::draw_frame(picture, scale * window.top, scale * window.left, scale * side,
                        scale * side, 3, right ? nn::viz::right_colour : nn::viz::wrong_colour);
  }
  for (const Card& card : cards) ++(card.digit ? scan.digits : scan.distractors);
  scan.found = static_cast<Index>(hit.size());
  nn::viz::write_png(options.out / "sheet.png", picture);
  // Each window's answer stands at its centre: half its side from its corner.
  nn::viz::Image response(picture.height(), picture.width(), 3,
                          nn::viz::colour_of(0, nn::viz::ColourScale::viridis));
  nn::viz::paste(response, nn::viz::upscaled(nn::viz::colour_map(map.view(), {0, 1}), 2 * scale),
                 (side / 2 - 1) * scale, (side / 2 - 1) * scale);
  nn::viz::write_png(options.out / "response.png", response);
  return scan;
}

}  // namespace example::detector
