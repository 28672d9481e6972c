/// @file
/// Converts pictures of any size and kind to what a network was trained on.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "nn/core/shape.hpp"
#include "nn/io/picture_kind.hpp"
#include "nn/viz/fitting.hpp"
#include "nn/viz/ink.hpp"
#include "nn/viz/pixels.hpp"

namespace nn::viz {

/// A picture as the network's input, and what was done to it.
struct PreparedPicture {
  Image image;       ///< of the size and channels that the network takes
  std::string done;  ///< "black and white exchanged", ..., or nothing
};

namespace detail {

/// The median of the pixels along the edges: the background, where there is one.
inline int background_level(const Image& grey) {
  std::vector<std::uint8_t> levels;
  for (Index x = 0; x < grey.width(); ++x) {
    levels.push_back(grey.pixels()(0, x, 0));
    levels.push_back(grey.pixels()(grey.height() - 1, x, 0));
  }
  for (Index y = 0; y < grey.height(); ++y) {
    levels.push_back(grey.pixels()(y, 0, 0));
    levels.push_back(grey.pixels()(y, grey.width() - 1, 0));
  }
  const auto middle = levels.begin() + static_cast<std::ptrdiff_t>(levels.size() / 2);
  std::nth_element(levels.begin(), middle, levels.end());
  return *middle;
}

/// Whether most of the picture's middle is light, as ink on paper is.
inline bool is_light(const Image& grey) {
  const Index top = grey.height() / 8;
  const Index left = grey.width() / 8;
  const ink::Map middle =
      ink::levels(crop(grey, top, left, grey.height() - 2 * top, grey.width() - 2 * left));
  return 2 * ink::quantile(middle, 0.5) > ink::quantile(middle, 0.02) + ink::quantile(middle, 0.98);
}

/// How much brighter than the background, a plane through what lies along the edges, every pixel
/// is: for objects that fill the picture.
inline ink::Map above_edges(const Image& grey) {
  const ink::Map levels = ink::levels(grey);
  ink::Map edges = ink::Map::Zero(levels.rows(), levels.cols());
  edges.row(0).setOnes();
  edges.bottomRows(1).setOnes();
  edges.col(0).setOnes();
  edges.rightCols(1).setOnes();
  return (levels - ink::plane_through_most(levels, edges)).max(0.0F);
}

/// The difference from the background as a picture whose brightest pixel is white.
inline Image stretched(const ink::Map& map) {
  const float brightest = map.maxCoeff();
  require(brightest >= 16, "nothing stands out from its background");
  Image image(map.rows(), map.cols(), 1);
  std::transform(map.data(), map.data() + map.size(), image.pixels().begin(), [&](float level) {
    return static_cast<std::uint8_t>(std::min(255.0F, 255 * level / brightest));
  });
  return image;
}

inline void invert(Image& grey) {
  for (std::uint8_t& level : grey.pixels()) level = static_cast<std::uint8_t>(255 - level);
}

/// Photographs are reduced to the size that strokes need.
inline Image reduced(const Image& grey) {
  constexpr Index most = 1024;
  const Index longest = std::max(grey.height(), grey.width());
  if (longest <= most) return grey;
  return resized(grey, std::max<Index>(1, grey.height() * most / longest),
                 std::max<Index>(1, grey.width() * most / longest));
}

/// The smallest rectangle that holds all pixels brighter than a quarter.
inline Image cut_out(const Image& grey) {
  Index top = grey.height();
  Index bottom = -1;
  Index left = grey.width();
  Index right = -1;
  for (Index y = 0; y < grey.height(); ++y) {
    for (Index x = 0; x < grey.width(); ++x) {
      if (grey.pixels()(y, x, 0) < 64) continue;
      top = std::min(top, y);
      bottom = std::max(bottom, y);
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  return crop(grey, top, left, bottom - top + 1, right - left + 1);
}

/// The centre of mass along rows and columns, in whole pixels.
inline std::array<Index, 2> centre_of_mass(const Image& grey) {
  double mass = 0;
  double down = 0;
  double right = 0;
  for (Index y = 0; y < grey.height(); ++y) {
    for (Index x = 0; x < grey.width(); ++x) {
      const double level = grey.pixels()(y, x, 0);
      mass += level;
      down += level * static_cast<double>(y);
      right += level * static_cast<double>(x);
    }
  }
  return {static_cast<Index>(std::lround(down / mass)),
          static_cast<Index>(std::lround(right / mass))};
}

/// The object alone, as bright on black: MNIST's digits are fitted into 20x20 pixels and centred by
/// their mass (LeCun et al., "Gradient-based learning applied to document recognition", 1998),
/// Fashion-MNIST's clothes fill the image (Xiao, Rasul and Vollgraf, 2017).
inline Image centred_object(const Image& grey, bool digits, Index side) {
  const Image object = cut_out(grey);
  const Index longest = std::max(object.height(), object.width());
  const Index limit = digits ? side * 20 / 28 : side;
  const auto fitted = [&](Index extent) {
    return std::max<Index>(1, (extent * limit + longest / 2) / longest);
  };
  const Image small = resized(object, fitted(object.height()), fitted(object.width()));
  std::array<Index, 2> centre{small.height() / 2, small.width() / 2};
  if (digits) centre = centre_of_mass(small);
  Image image(side, side, 1, black);
  paste(image, small, std::clamp<Index>(side / 2 - centre[0], 0, side - small.height()),
        std::clamp<Index>(side / 2 - centre[1], 0, side - small.width()));
  return image;
}

inline void say(std::string& done, const std::string& what) {
  if (!what.empty()) done += (done.empty() ? "" : ", ") + what;
}

inline PreparedPicture prepare_grey(const Image& picture, bool digits, Index side) {
  PreparedPicture result{to_grey(picture), {}};
  Image& grey = result.image;
  if (grey.height() == side && grey.width() == side) {
    if (background_level(grey) <= 127) return result;
    invert(grey);
    return {grey, "black and white exchanged"};
  }
  grey = reduced(grey);
  const bool light = digits ? is_light(grey) : background_level(grey) > 127;
  if (light) say(result.done, "black and white exchanged");
  // Ink is dark, clothes are bright.
  if (light != digits) invert(grey);
  ink::Map object = digits ? ink::ink_of(grey) : above_edges(grey);
  if (digits) say(result.done, ink::leave_one_digit(object));
  grey = centred_object(stretched(object), digits, side);
  say(result.done, "what stands out fitted into " + nn::detail::text(side, 'x', side) + " pixels");
  return result;
}

}  // namespace detail

/// The picture in the given shape, height x width x channels, prepared like the network's training
/// set; in colour or grey according to the channels.
/// @throws ShapeError unless `shape` is that of an image of 1 or 3 channels; Error when nothing
/// stands out from the background where an object is looked for, or several things do where it
/// should be one digit.
[[nodiscard]] inline PreparedPicture prepare_picture(const Image& picture, PictureKind kind,
                                                     const Shape& shape) {
  require<ShapeError>(shape.rank() == 3 && (shape[2] == 1 || shape[2] == 3) && shape.size() > 0,
                      "pictures cannot be made into samples of ", shape);
  require<ShapeError>(!picture.empty(), "a picture without pixels");
  if (kind == PictureKind::object || kind == PictureKind::digit) {
    require<ShapeError>(shape[2] == 1 && shape[0] == shape[1],
                        "what stands out of a picture is made into a grey square, not ", shape);
    return detail::prepare_grey(picture, kind == PictureKind::digit, shape[0]);
  }
  const bool whole = kind == PictureKind::whole;
  const Image sized =
      whole ? resized(picture, shape[0], shape[1]) : filled(picture, shape[0], shape[1]);
  PreparedPicture result{shape[2] == 1 ? to_grey(sized) : to_rgb(sized), {}};
  if (picture.height() == shape[0] && picture.width() == shape[1]) return result;
  const bool cut = !whole && picture.height() * shape[1] != picture.width() * shape[0];
  const std::string part = shape[0] == shape[1] ? "its central square " : "its central part ";
  result.done =
      (cut ? part : "") + nn::detail::text("brought to ", shape[0], 'x', shape[1], " pixels");
  return result;
}

}  // namespace nn::viz
