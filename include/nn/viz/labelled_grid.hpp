/// @file
/// Grids of pictures whose labels and titles have the typeface of the figures.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/viz/canvas.hpp"
#include "nn/viz/figure.hpp"
#include "nn/viz/grid.hpp"
#include "nn/viz/image.hpp"

namespace nn::viz {

namespace detail {

/// A grid on a canvas, whose pixels are two of the grid's.
class GridSheet {
 public:
  GridSheet(std::span<const Image> images, Index columns, const GridOptions& options)
      : images_(images),
        options_(options),
        points_(figure_points * static_cast<double>(options.text_scale) / 3),
        g_(lay_out(images, columns, options, {width_, height_, height_ + height_ / 4})),
        canvas_({std::max<Index>((g_.width + 1) / 2, 100), std::max<Index>(g_.height / 2, 60)}) {
    const Index filled = 2 * std::max(canvas_.size().width, canvas_.size().height);
    box(0, 0, filled, filled, options.background);
    for (Index place = 0; place < static_cast<Index>(images.size()); ++place) draw_tile(place);
    for (Index column = 0; column < g_.columns; ++column) {
      const auto* title = find(options.column_titles, column);
      if (title != nullptr) words(*title, left_of(column) + g_.cell_width / 2, options.gap);
    }
    for (Index row = 0; row < g_.rows; ++row) {
      const auto* title = find(options.row_titles, row);
      if (title == nullptr) continue;
      words(*title, g_.left - options.gap, top_of(row) + g_.frame + (g_.tile_height - height_) / 2,
            Align::right);
    }
  }

  void write(const std::filesystem::path& path) const { canvas_.write(path); }

 private:
  [[nodiscard]] Index left_of(Index column) const {
    return g_.left + column * (g_.cell_width + options_.gap);
  }
  [[nodiscard]] Index top_of(Index row) const {
    return g_.top + row * (g_.cell_height + options_.gap);
  }

  void box(Index left, Index top, Index width, Index height, Colour colour) {
    canvas_.box(half(left), half(top), half(width), half(height), colour);
  }

  /// A line of text whose top is at `top`.
  void words(std::string_view text, Index x, Index top, Align align = Align::centre) {
    canvas_.words(text, half(x), half(top + height_ / 2),
                  {.points = points_, .colour = options_.text_colour, .align = align});
  }

  void draw_tile(Index place) {
    const Image& image = images_[static_cast<std::size_t>(place)];
    const Index left = left_of(place % g_.columns);
    const Index top = top_of(place / g_.columns);
    const Index width = image.width() * options_.scale;
    const Index height = image.height() * options_.scale;
    const Index y = top + g_.frame + (g_.tile_height - height) / 2;
    const Index x = left + (g_.cell_width - width) / 2;
    const auto* frame = find(options_.frames, place);
    if (frame != nullptr && frame->has_value()) {
      box(x - g_.frame, y - g_.frame, width + 2 * g_.frame, height + 2 * g_.frame, **frame);
    }
    canvas_.picture(image, half(x), half(y), half(width), half(height));
    const auto* label = find(options_.labels, place);
    if (label == nullptr) return;
    Index line_top = top + g_.tile_height + 2 * g_.frame + height_ / 4;
    for (const auto line : lines_of(*label)) {
      words(line, left + g_.cell_width / 2, line_top);
      line_top += height_ + height_ / 4;
    }
  }

  [[nodiscard]] static double half(Index pixels) { return static_cast<double>(pixels) / 2; }

  std::span<const Image> images_;
  const GridOptions& options_;
  double points_;
  Index height_ = 2 * static_cast<Index>(std::lround(points_ * 96 / 72));
  /// With space beside it, so that labels side by side do not read as one.
  struct Width {
    double points;
    Index operator()(std::string_view text) const {
      return 2 * static_cast<Index>(std::lround(estimated_width(text, points))) + 8;
    }
  } width_{points_};
  GridLayout g_;
  Canvas canvas_;
};

}  // namespace detail

/// Writes `image_grid(images, columns, options)` as a PNG file. Where gnuplot is installed, labels
/// and titles have the typeface of the figures (`text_scale` 3 is their size), else the bitmap
/// font.
/// @throws Error as image_grid(), FileError when the file cannot be written.
inline void write_image_grid(const std::filesystem::path& path, std::span<const Image> images,
                             Index columns, const GridOptions& options = {}) {
  detail::check_grid(images, columns, options);
  const bool has_text =
      !options.labels.empty() || !options.row_titles.empty() || !options.column_titles.empty();
  if (has_text && detail::has_gnuplot()) {
    detail::GridSheet(images, columns, options).write(path);
  } else {
    write_png(path, image_grid(images, columns, options));
  }
}

}  // namespace nn::viz
