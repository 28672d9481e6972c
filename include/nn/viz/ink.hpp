/// @file
/// What is written on paper, told from the paper: of a photograph that is lit unevenly, has dark
/// edges, or shows more than one digit.
#pragma once

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/eigen.hpp"
#include "nn/viz/pixels.hpp"

namespace nn::viz::ink {

/// Levels or marks, a row of the picture a row.
using Map = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Marks = Eigen::Array<int, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Map levels(const Image& grey) {
  Map map(grey.height(), grey.width());
  for (Index i = 0; i < map.size(); ++i) map.data()[i] = grey.pixels()[i];
  return map;
}

/// The level below which a share of all lies.
inline float quantile(const Map& map, double share) {
  std::vector<float> sorted(map.data(), map.data() + map.size());
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(
                                          share * static_cast<double>(sorted.size() - 1) + 0.5);
  std::nth_element(sorted.begin(), place, sorted.end());
  return *place;
}

/// For every place the largest value within `reach` of it, along both axes.
template <class Values>
Values dilated(const Values& values, Index reach) {
  Values result = values;
  for (Index x = 0; x < values.cols(); ++x) {
    const Index from = std::max<Index>(0, x - reach);
    const Index count = std::min(values.cols() - 1, x + reach) - from + 1;
    result.col(x) = values.middleCols(from, count).rowwise().maxCoeff();
  }
  const Values across = result;
  for (Index y = 0; y < values.rows(); ++y) {
    const Index from = std::max<Index>(0, y - reach);
    const Index count = std::min(values.rows() - 1, y + reach) - from + 1;
    result.row(y) = across.middleRows(from, count).colwise().maxCoeff();
  }
  return result;
}

/// The plane of least squares, as levels of a map; only places of weight 1 count, not those of 0.
inline Map plane(const Map& map, const Map& weights) {
  Eigen::Matrix3d squares = Eigen::Matrix3d::Identity() * 1e-9;
  Eigen::Vector3d products = Eigen::Vector3d::Zero();
  const auto at = [&](Index y, Index x) {
    return Eigen::Vector3d(1,
                           (static_cast<double>(y) + 0.5) / static_cast<double>(map.rows()) - 0.5,
                           (static_cast<double>(x) + 0.5) / static_cast<double>(map.cols()) - 0.5);
  };
  for (Index y = 0; y < map.rows(); ++y) {
    for (Index x = 0; x < map.cols(); ++x) {
      const Eigen::Vector3d place = at(y, x);
      squares += weights(y, x) * place * place.transpose();
      products += weights(y, x) * map(y, x) * place;
    }
  }
  const Eigen::Vector3d slopes = squares.ldlt().solve(products);
  Map result(map.rows(), map.cols());
  for (Index y = 0; y < map.rows(); ++y) {
    for (Index x = 0; x < map.cols(); ++x) result(y, x) = static_cast<float>(slopes.dot(at(y, x)));
  }
  return result;
}

/// The plane through most of the places of weight 1: those far from it are left out step by step.
inline Map plane_through_most(const Map& map, Map weights) {
  Map fitted = Map::Constant(map.rows(), map.cols(), 0);
  for (int step = 0; step < 8; ++step) {
    fitted = plane(map, weights);
    std::vector<float> distances;
    for (Index i = 0; i < map.size(); ++i) {
      if (weights.data()[i] > 0) distances.push_back(std::abs(map.data()[i] - fitted.data()[i]));
    }
    if (distances.empty()) break;
    const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
    std::nth_element(distances.begin(), middle, distances.end());
    const float far = 2.5F * *middle + 2;
    weights *= ((map - fitted).abs() <= far).cast<float>();
  }
  return fitted;
}

/// A coarse map as one of the size of the picture, between the centres of its cells.
inline Map refined(const Map& coarse, Index height, Index width) {
  Map result(height, width);
  const auto place = [](Index i, Index cells, Index pixels) {
    const float at =
        (static_cast<float>(i) + 0.5F) * static_cast<float>(cells) / static_cast<float>(pixels) -
        0.5F;
    return std::clamp(at, 0.0F, static_cast<float>(cells - 1));
  };
  for (Index y = 0; y < height; ++y) {
    const float down = place(y, coarse.rows(), height);
    const auto top = static_cast<Index>(down);
    const Index bottom = std::min(top + 1, coarse.rows() - 1);
    for (Index x = 0; x < width; ++x) {
      const float across = place(x, coarse.cols(), width);
      const auto left = static_cast<Index>(across);
      const Index right = std::min(left + 1, coarse.cols() - 1);
      const float v = down - static_cast<float>(top);
      const float u = across - static_cast<float>(left);
      result(y, x) = (1 - v) * ((1 - u) * coarse(top, left) + u * coarse(top, right)) +
                     v * ((1 - u) * coarse(bottom, left) + u * coarse(bottom, right));
    }
  }
  return result;
}

/// How much darker than its surroundings every pixel of a picture of dark ink is. Surroundings are
/// a third of the picture wide: what is narrower in the grey image is closed (Serra, "Image
/// analysis and mathematical morphology", 1982). What is no paper (less than half as bright) is
/// left out.
inline Map ink_of(const Image& grey) {
  constexpr Index most_cells = 48;
  const Index longest = std::max(grey.height(), grey.width());
  const auto cells = [&](Index extent) {
    return std::max<Index>(1, std::min(extent, extent * most_cells / longest));
  };
  const Map coarse = levels(resized(grey, cells(grey.height()), cells(grey.width())));
  const Index reach = std::max<Index>(1, std::max(coarse.rows(), coarse.cols()) / 6);
  const auto closed = [&](const Map& map) -> Map {
    return -dilated<Map>(-dilated(map, reach), reach);
  };
  // Closing is exact for level paper alone: what is aslant is levelled before.
  const Map first = closed(coarse);
  const float paper = quantile(first, 0.9);
  const Map aslant = plane_through_most(first, (first >= paper / 2).cast<float>());
  const Map background = closed(coarse - aslant) + aslant;
  const Map step = dilated(background, 1) + dilated<Map>(-background, 1);
  const Map outside = (background < paper / 2 || step > 0.15F * paper).cast<float>();
  const Map ink = refined(background, grey.height(), grey.width()) - levels(grey);
  return (refined(dilated(outside, 1), grey.height(), grey.width()) > 0)
      .select(0.0F, ink.max(0.0F));
}

/// A connected component of the ink.
struct Component {
  Index ink = 0;  ///< pixels
  Index top = 0, bottom = 0, left = 0, right = 0;
  bool corner = false;  ///< whether it reaches a corner of the picture
  [[nodiscard]] Index height() const { return bottom - top + 1; }
  [[nodiscard]] Index width() const { return right - left + 1; }
};

/// Numbers the connected components of `marks`, where it is not 0, from 1 on.
inline std::vector<Component> number_components(Marks& marks) {
  std::vector<Component> components;
  marks = -marks.min(1);
  std::vector<Index> open;
  const Index width = marks.cols();
  for (Index start = 0; start < marks.size(); ++start) {
    if (marks.data()[start] >= 0) continue;
    Component component{.top = marks.rows(), .left = width};
    const int number = static_cast<int>(components.size()) + 1;
    open.push_back(start);
    marks.data()[start] = number;
    while (!open.empty()) {
      const Index y = open.back() / width;
      const Index x = open.back() % width;
      open.pop_back();
      ++component.ink;
      component.top = std::min(component.top, y);
      component.bottom = std::max(component.bottom, y);
      component.left = std::min(component.left, x);
      component.right = std::max(component.right, x);
      component.corner |= (y == 0 || y == marks.rows() - 1) && (x == 0 || x == width - 1);
      for (Index v = std::max<Index>(0, y - 1); v <= std::min(marks.rows() - 1, y + 1); ++v) {
        for (Index u = std::max<Index>(0, x - 1); u <= std::min(width - 1, x + 1); ++u) {
          if (marks(v, u) >= 0) continue;
          marks(v, u) = number;
          open.push_back(v * width + u);
        }
      }
    }
    components.push_back(component);
  }
  return components;
}

/// Whether one component stands over the other, near enough to be a part of the same digit: the bar
/// of a 5.
inline bool stacked(const Component& a, const Component& b) {
  const Index across = std::min(a.right, b.right) - std::max(a.left, b.left) + 1;
  const Index gap = std::max(a.top, b.top) - std::min(a.bottom, b.bottom) - 1;
  const Index tallest = std::max(a.height(), b.height());
  return 3 * across >= std::min(a.width(), b.width()) && 4 * gap <= tallest &&
         5 * gap >= -std::min(a.height(), b.height());
}

/// Puts the components that belong together under one number, and counts their ink by `strong`.
inline std::vector<Component> joined_components(Marks& marks, const Marks& strong) {
  std::vector<Component> components = number_components(marks);
  for (Component& component : components) component.ink = 0;
  std::vector<int> owner(components.size() + 1);
  for (std::size_t i = 0; i < owner.size(); ++i) owner[i] = static_cast<int>(i);
  for (Index i = 0; i < marks.size(); ++i) {
    if (strong.data()[i] != 0) ++components[static_cast<std::size_t>(marks.data()[i] - 1)].ink;
  }
  for (std::size_t a = 0; a < components.size(); ++a) {
    for (std::size_t b = a + 1; b < components.size(); ++b) {
      if (components[a].ink == 0 || components[b].ink == 0 ||
          !stacked(components[a], components[b]))
        continue;
      Component& kept = components[a];
      Component& given = components[b];
      kept = {.ink = kept.ink + given.ink,
              .top = std::min(kept.top, given.top),
              .bottom = std::max(kept.bottom, given.bottom),
              .left = std::min(kept.left, given.left),
              .right = std::max(kept.right, given.right)};
      given.ink = 0;
      owner[b + 1] = static_cast<int>(a + 1);
    }
  }
  for (Index i = 0; i < marks.size(); ++i) {
    int& mark = marks.data()[i];
    while (mark != owner[static_cast<std::size_t>(mark)])
      mark = owner[static_cast<std::size_t>(mark)];
  }
  return components;
}

/// Blots out components that reach a corner of the picture, a table's edge or a lens's shade, as
/// long as something of a digit's size remains. What is ink is judged by the darkest that remains,
/// so that the faint rim of an edge goes with it.
/// @return whether there were any
inline bool cut_off_edges(Map& ink) {
  const Index smallest = std::max<Index>(3, std::max(ink.rows(), ink.cols()) / 20);
  Map kept = ink;
  bool found = false;
  for (int step = 0; step < 4; ++step) {
    Marks marks = (ink >= kept.maxCoeff() / 4).cast<int>();
    const std::vector<Component> components = number_components(marks);
    const bool inner =
        std::any_of(components.begin(), components.end(), [&](const Component& component) {
          return !component.corner && std::max(component.height(), component.width()) >= smallest;
        });
    if (!inner) break;
    Marks edges = Marks::Zero(marks.rows(), marks.cols());
    for (std::size_t k = 0; k < components.size(); ++k) {
      if (components[k].corner) edges += (marks == static_cast<int>(k) + 1).cast<int>();
    }
    if (edges.maxCoeff() == 0) break;
    kept = (dilated(edges, 2) > 0).select(0.0F, ink);
    found = true;
  }
  ink = kept;
  return found;
}

/// Leaves of the ink one digit: dark edges and specks go.
/// @return what was done, for the user
/// @throws Error when nothing stands out, or several things of a digit's size do.
inline std::string leave_one_digit(Map& ink) {
  require(ink.maxCoeff() >= 16, "nothing stands out from its background");
  const bool cut = cut_off_edges(ink);
  const Marks strong = (ink >= ink.maxCoeff() / 4).cast<int>();
  Marks largest = strong;
  Index tallest = 0;
  for (const Component& component : number_components(largest))
    tallest = std::max(tallest, component.height());
  Marks numbers = dilated(strong, std::max<Index>(1, tallest / 33));
  const std::vector<Component> parts = joined_components(numbers, strong);
  const auto most =
      std::max_element(parts.begin(), parts.end(),
                       [](const Component& a, const Component& b) { return a.ink < b.ink; });
  const auto digits = std::count_if(parts.begin(), parts.end(), [&](const Component& part) {
    return 5 * part.ink >= most->ink && 2 * part.height() >= most->height();
  });
  require(digits == 1, digits,
          " things of like size stand out, where one digit is expected: cut the picture into "
          "one for each");
  const int number = static_cast<int>(most - parts.begin()) + 1;
  ink = (numbers != 0 && numbers != number).select(0.0F, ink);
  return cut ? "edges cut off" : "";
}

}  // namespace nn::viz::ink
