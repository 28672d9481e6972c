/// @file
/// Pictures of any size and kind, made into what a network has learned to recognise.
#pragma once

#include <nn/viz/image.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "nn/core/shape.hpp"

namespace example {

/// A picture as the network sees it, and what was done to it.
struct PreparedPicture {
  nn::viz::Image image;
  std::string done;
};

namespace detail {

/// The level in the middle of those along the edges: the background, where there is one.
inline int background_level(const nn::viz::Image& grey) {
  std::vector<std::uint8_t> levels;
  for (nn::Index x = 0; x < grey.width(); ++x) {
    levels.push_back(grey.pixels()(0, x, 0));
    levels.push_back(grey.pixels()(grey.height() - 1, x, 0));
  }
  for (nn::Index y = 0; y < grey.height(); ++y) {
    levels.push_back(grey.pixels()(y, 0, 0));
    levels.push_back(grey.pixels()(y, grey.width() - 1, 0));
  }
  const auto middle = levels.begin() + static_cast<std::ptrdiff_t>(levels.size() / 2);
  std::nth_element(levels.begin(), middle, levels.end());
  return *middle;
}

/// The background black and the brightest pixel white.
inline void stretch(nn::viz::Image& grey, int background, int brightest) {
  for (std::uint8_t& level : grey.pixels()) {
    const int above = std::max(0, level - background);
    level = static_cast<std::uint8_t>(std::min(255, 255 * above / (brightest - background)));
  }
}

/// The smallest rectangle that holds all that is brighter than a quarter.
inline nn::viz::Image cut_out(const nn::viz::Image& grey) {
  nn::Index top = grey.height();
  nn::Index bottom = -1;
  nn::Index left = grey.width();
  nn::Index right = -1;
  for (nn::Index y = 0; y < grey.height(); ++y) {
    for (nn::Index x = 0; x < grey.width(); ++x) {
      if (grey.pixels()(y, x, 0) < 64) continue;
      top = std::min(top, y);
      bottom = std::max(bottom, y);
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  return nn::viz::crop(grey, top, left, bottom - top + 1, right - left + 1);
}

/// The centre of mass along rows and columns, in whole pixels.
inline std::array<nn::Index, 2> centre_of_mass(const nn::viz::Image& grey) {
  double mass = 0;
  double down = 0;
  double right = 0;
  for (nn::Index y = 0; y < grey.height(); ++y) {
    for (nn::Index x = 0; x < grey.width(); ++x) {
      const double level = grey.pixels()(y, x, 0);
      mass += level;
      down += level * static_cast<double>(y);
      right += level * static_cast<double>(x);
    }
  }
  return {static_cast<nn::Index>(std::lround(down / mass)),
          static_cast<nn::Index>(std::lround(right / mass))};
}

/// The object alone, as bright on black: MNIST's digits are fitted into 20x20 pixels and centred by
/// their mass (LeCun et al., "Gradient-based learning applied to document recognition", 1998),
/// Fashion-MNIST's clothes fill the image (Xiao, Rasul and Vollgraf, 2017).
inline nn::viz::Image centred_object(const nn::viz::Image& grey, bool digits, nn::Index side) {
  const nn::viz::Image object = cut_out(grey);
  const nn::Index longest = std::max(object.height(), object.width());
  const nn::Index room = digits ? side * 20 / 28 : side;
  const auto fitted = [&](nn::Index extent) {
    return std::max<nn::Index>(1, (extent * room + longest / 2) / longest);
  };
  const nn::viz::Image small =
      nn::viz::resized(object, fitted(object.height()), fitted(object.width()));
  std::array<nn::Index, 2> centre{small.height() / 2, small.width() / 2};
  if (digits) centre = centre_of_mass(small);
  nn::viz::Image image(side, side, 1, nn::viz::black);
  nn::viz::paste(image, small,
                 std::clamp<nn::Index>(side / 2 - centre[0], 0, side - small.height()),
                 std::clamp<nn::Index>(side / 2 - centre[1], 0, side - small.width()));
  return image;
}

inline PreparedPicture prepare_grey(const nn::viz::Image& picture, bool digits, nn::Index side) {
  PreparedPicture result{nn::viz::to_grey(picture), {}};
  nn::viz::Image& grey = result.image;
  int background = background_level(grey);
  if (background > 127) {
    for (std::uint8_t& level : grey.pixels()) level = static_cast<std::uint8_t>(255 - level);
    background = 255 - background;
    result.done = "black and white exchanged";
  }
  if (grey.height() == side && grey.width() == side) return result;
  const int brightest = *std::max_element(grey.pixels().begin(), grey.pixels().end());
  nn::require(brightest - background >= 16, "nothing stands out from its background");
  stretch(grey, background, brightest);
  grey = centred_object(grey, digits, side);
  result.done += (result.done.empty() ? "" : ", ") + std::string("what stands out fitted into ") +
                 std::to_string(side) + "x" + std::to_string(side) + " pixels";
  return result;
}

}  // namespace detail

/// The picture as `shape`, height x width x channels, in the manner of the data set: the central
/// square of a photograph, reduced; the object of a grey one, bright on black, cut out and centred.
/// @throws nn::Error when nothing stands out from the background of a picture that should be grey.
inline PreparedPicture prepare_picture(const nn::viz::Image& picture, std::string_view dataset,
                                       const nn::Shape& shape) {
  if (shape.back() == 1) return detail::prepare_grey(picture, dataset == "mnist", shape[0]);
  const nn::Index side = std::min(picture.height(), picture.width());
  const nn::viz::Image square =
      nn::viz::crop(nn::viz::to_rgb(picture), (picture.height() - side) / 2,
                    (picture.width() - side) / 2, side, side);
  if (side == shape[0] && picture.height() == picture.width()) return {square, {}};
  return {nn::viz::resized(square, shape[0], shape[1]),
          (picture.height() == picture.width() ? std::string("brought")
                                               : "its central square brought") +
              " to " + std::to_string(shape[0]) + "x" + std::to_string(shape[1]) + " pixels"};
}

}  // namespace example
