/// @file
/// Many pictures in one: examples of each class, what a generator drew, decisions in framed tiles.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/viz/draw.hpp"
#include "nn/viz/pixels.hpp"

namespace nn::viz {

/// How a grid is laid out. The sizes are for a page that shows pictures at half their pixels, as
/// all pictures of nn::viz are meant to be shown, which keeps them crisp in print and on dense
/// screens. Every list may be empty, or shorter than what it describes.
struct GridOptions {
  Index scale = 4;                                 ///< each pixel becomes scale x scale pixels
  Index gap = 12;                                  ///< between tiles and around the grid, in pixels
  std::vector<std::string> labels = {};            ///< under each tile, in one line or several
  std::vector<std::optional<Colour>> frames = {};  ///< a frame around each tile that has a colour
  Index frame_width = 6;                           ///< in pixels
  std::vector<std::string> row_titles = {};        ///< to the left of each row
  std::vector<std::string> column_titles = {};     ///< above each column
  Index text_scale = 3;                            ///< pixels a dot of the font
  Colour text_colour = {51, 51, 51};               ///< of labels and titles
  Colour background = white;                       ///< between the tiles
};

namespace detail {

/// Where things stand in a grid, in pixels.
struct GridLayout {
  Index columns = 0, rows = 0;
  Index tile_height = 0, tile_width = 0;  ///< the largest image, enlarged
  Index frame = 0;                        ///< its thickness, 0 without frames
  Index cell_height = 0, cell_width = 0;  ///< tile, frame and label
  Index top = 0, left = 0;                ///< of the first cell
  Index height = 0, width = 0;            ///< of the whole picture
};

[[nodiscard]] inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

/// How large texts are, in pixels.
struct GridText {
  FunctionRef<Index(std::string_view)> width;  ///< of a line
  Index height = 0;                            ///< of a line
  Index pitch = 0;                             ///< from the top of one line to that of the next
};

[[nodiscard]] inline Index widest(const std::vector<std::string>& texts, const GridText& text) {
  Index width = 0;
  for (const std::string& one : texts) {
    for (const auto line : lines_of(one)) width = std::max(width, text.width(line));
  }
  return width;
}

/// From the top of one line of a label to that of the next, in the bitmap font.
[[nodiscard]] inline Index line_pitch(const GridOptions& options) {
  return text_height(options.text_scale) + 2 * options.text_scale;
}

[[nodiscard]] inline GridLayout lay_out(std::span<const Image> images, Index columns,
                                        const GridOptions& options, const GridText& text) {
  GridLayout g;
  const Index count = static_cast<Index>(images.size());
  std::size_t label_lines = 0;
  for (const auto& label : options.labels) {
    label_lines = std::max(label_lines, lines_of(label).size());
  }
  g.columns = std::min(columns, count);
  g.rows = (count + columns - 1) / columns;
  for (const Image& image : images) {
    g.tile_height = std::max(g.tile_height, image.height() * options.scale);
    g.tile_width = std::max(g.tile_width, image.width() * options.scale);
  }
  g.frame = options.frames.empty() ? 0 : options.frame_width;
  g.cell_width = std::max({g.tile_width + 2 * g.frame, widest(options.labels, text),
                           widest(options.column_titles, text)});
  g.cell_height = g.tile_height + 2 * g.frame;
  g.cell_height += static_cast<Index>(label_lines) * text.pitch + (label_lines > 0 ? 3 : 0);
  const Index titles = widest(options.row_titles, text);
  g.left = options.gap + (titles > 0 ? titles + options.gap : 0);
  g.top = options.gap + (options.column_titles.empty() ? 0 : text.height + options.gap / 2);
  g.width = g.left + g.columns * (g.cell_width + options.gap);
  g.height = g.top + g.rows * (g.cell_height + options.gap);
  return g;
}

/// The element at `place`, or nothing beyond the end.
template <class T>
[[nodiscard]] const T* find(const std::vector<T>& list, Index place) {
  return place < static_cast<Index>(list.size()) ? &list[static_cast<std::size_t>(place)] : nullptr;
}

inline void draw_tile(Image& canvas, const Image& image, Index place, const GridLayout& g,
                      const GridOptions& options) {
  const Index top = g.top + place / g.columns * (g.cell_height + options.gap);
  const Index left = g.left + place % g.columns * (g.cell_width + options.gap);
  const Index y = top + g.frame + (g.tile_height - image.height() * options.scale) / 2;
  const Index x = left + (g.cell_width - image.width() * options.scale) / 2;
  const Image enlarged = upscaled(image, options.scale);
  paste(canvas, enlarged, y, x);
  const auto* frame = find(options.frames, place);
  if (frame != nullptr && frame->has_value()) {
    draw_frame(canvas, y, x, enlarged.height(), enlarged.width(), g.frame, **frame);
  }
  if (const auto* label = find(options.labels, place)) {
    Index line_top = top + g.tile_height + 2 * g.frame + 2 * options.text_scale + 3;
    for (const auto line : lines_of(*label)) {
      draw_text_centred(canvas, line, line_top, left, g.cell_width,
                        {options.text_scale, options.text_colour});
      line_top += line_pitch(options);
    }
  }
}

/// @throws Error when there is no image, or the number of columns or the scale is not positive.
inline void check_grid(std::span<const Image> images, Index columns, const GridOptions& options) {
  require(!images.empty(), "a grid of no images");
  require(columns >= 1 && options.scale >= 1 && options.text_scale >= 1 && options.gap >= 0 &&
              options.frame_width >= 0,
          "a grid of ", columns, " columns with the scale ", options.scale, ", the text scale ",
          options.text_scale, ", the gap ", options.gap, " and the frame width ",
          options.frame_width);
}

}  // namespace detail

/// Images side by side, `columns` of them a row; smaller ones stand in the middle of their tile.
/// Texts are in a bitmap font; `write_image_grid` has them in the typeface of the figures.
/// @throws Error when there is no image, or the number of columns or the scale is not positive.
[[nodiscard]] inline Image image_grid(std::span<const Image> images, Index columns,
                                      const GridOptions& options = {}) {
  detail::check_grid(images, columns, options);
  const auto width = [&options](std::string_view text) {
    return text_width(text, options.text_scale);
  };
  const detail::GridLayout g =
      detail::lay_out(images, columns, options,
                      {width, text_height(options.text_scale), detail::line_pitch(options)});
  Image canvas(g.height, g.width, 3, options.background);

  const TextStyle style{options.text_scale, options.text_colour};
  const Index line = text_height(options.text_scale);
  for (Index column = 0; column < g.columns; ++column) {
    if (const auto* title = detail::find(options.column_titles, column)) {
      draw_text_centred(canvas, *title, options.gap, g.left + column * (g.cell_width + options.gap),
                        g.cell_width, style);
    }
  }
  for (Index row = 0; row < g.rows; ++row) {
    if (const auto* title = detail::find(options.row_titles, row)) {
      const Index top = g.top + row * (g.cell_height + options.gap);
      const Index right = g.left - options.gap;
      draw_text(canvas, *title, top + g.frame + (g.tile_height - line) / 2,
                right - text_width(*title, options.text_scale), style);
    }
  }
  for (Index place = 0; place < static_cast<Index>(images.size()); ++place) {
    detail::draw_tile(canvas, images[static_cast<std::size_t>(place)], place, g, options);
  }
  return canvas;
}

/// The samples of a batch as images, to put in a grid.
/// @param batch N x H x W, N x H x W x 1 or N x H x W x 3
/// @param range what is black and what is white; without it, the batch's extremes
[[nodiscard]] inline std::vector<Image> to_images(TensorView<const float> batch,
                                                  std::optional<ValueRange> range = {}) {
  const ValueRange shown = range ? *range : value_range(batch);
  std::vector<Image> images;
  for (Index n = 0; n < batch.shape().front(); ++n) {
    images.push_back(to_image(batch.sample(n), shown));
  }
  return images;
}

}  // namespace nn::viz
