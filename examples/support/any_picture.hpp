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
#include "support/paper.hpp"

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

/// Whether most of the picture's middle is light: ink on paper, not chalk on slate.
inline bool is_light(const nn::viz::Image& grey) {
  const nn::Index top = grey.height() / 8;
  const nn::Index left = grey.width() / 8;
  const paper::Map middle = paper::levels(
      nn::viz::crop(grey, top, left, grey.height() - 2 * top, grey.width() - 2 * left));
  return 2 * paper::quantile(middle, 0.5) >
         paper::quantile(middle, 0.02) + paper::quantile(middle, 0.98);
}

/// How much brighter than the background, a plane through what lies along the edges, every pixel
/// is: for objects that fill the picture.
inline paper::Map above_edges(const nn::viz::Image& grey) {
  const paper::Map levels = paper::levels(grey);
  paper::Map edges = paper::Map::Zero(levels.rows(), levels.cols());
  edges.row(0).setOnes();
  edges.bottomRows(1).setOnes();
  edges.col(0).setOnes();
  edges.rightCols(1).setOnes();
  return (levels - paper::plane_through_most(levels, edges)).max(0.0F);
}

/// What stands out as a picture whose brightest pixel is white.
inline nn::viz::Image stretched(const paper::Map& map) {
  const float brightest = map.maxCoeff();
  nn::require(brightest >= 16, "nothing stands out from its background");
  nn::viz::Image image(map.rows(), map.cols(), 1);
  std::transform(map.data(), map.data() + map.size(), image.pixels().begin(), [&](float level) {
    return static_cast<std::uint8_t>(std::min(255.0F, 255 * level / brightest));
  });
  return image;
}

inline void invert(nn::viz::Image& grey) {
  for (std::uint8_t& level : grey.pixels()) level = static_cast<std::uint8_t>(255 - level);
}

/// Photographs are no larger than strokes need to be told.
inline nn::viz::Image reduced(const nn::viz::Image& grey) {
  constexpr nn::Index most = 1024;
  const nn::Index longest = std::max(grey.height(), grey.width());
  if (longest <= most) return grey;
  return nn::viz::resized(grey, std::max<nn::Index>(1, grey.height() * most / longest),
                          std::max<nn::Index>(1, grey.width() * most / longest));
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

inline void say(std::string& done, const std::string& what) {
  if (!what.empty()) done += (done.empty() ? "" : ", ") + what;
}

inline PreparedPicture prepare_grey(const nn::viz::Image& picture, bool digits, nn::Index side) {
  PreparedPicture result{nn::viz::to_grey(picture), {}};
  nn::viz::Image& grey = result.image;
  if (grey.height() == side && grey.width() == side) {
    if (background_level(grey) <= 127) return result;
    invert(grey);
    return {grey, "black and white exchanged"};
  }
  grey = reduced(grey);
  const bool light = digits ? is_light(grey) : background_level(grey) > 127;
  if (light) say(result.done, "black and white exchanged");
  // Ink is looked for as dark, clothes as bright.
  if (light != digits) invert(grey);
  paper::Map object = digits ? paper::ink_of(grey) : above_edges(grey);
  if (digits) say(result.done, paper::leave_one_digit(object));
  grey = centred_object(stretched(object), digits, side);
  say(result.done, "what stands out fitted into " + nn::detail::text(side, 'x', side) + " pixels");
  return result;
}

}  // namespace detail

/// The picture as `shape`, height x width x channels, in the manner of the data set: the central
/// square of a photograph, reduced; the object of a grey one, bright on black, cut out and centred.
/// @throws nn::Error when nothing stands out from the background of a picture that should be grey,
/// or several digits do.
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
