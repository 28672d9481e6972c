/// @file
/// Text, boxes and frames on pictures, with a small bitmap font of the library's own.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "nn/viz/pixels.hpp"

namespace nn::viz {

/// Fills `height` x `width` pixels from (top, left) on.
inline void fill_rectangle(Image& image, Index top, Index left, Index height, Index width,
                           Colour colour) {
  for (Index y = top; y < top + height; ++y) {
    for (Index x = left; x < left + width; ++x) image.set(y, x, colour);
  }
}

/// Draws a frame of the given thickness around, and outside of, the box.
inline void draw_frame(Image& image, Index top, Index left, Index height, Index width,
                       Index thickness, Colour colour) {
  const Index full = width + 2 * thickness;
  fill_rectangle(image, top - thickness, left - thickness, thickness, full, colour);
  fill_rectangle(image, top + height, left - thickness, thickness, full, colour);
  fill_rectangle(image, top, left - thickness, height, thickness, colour);
  fill_rectangle(image, top, left + width, height, thickness, colour);
}

namespace detail {

/// The glyphs of the characters from the space (32) to the tilde (126): ten characters each, of
/// which nine are the rows from top to bottom, two of them below the base line. A row's five pixels
/// are a number in base 32, the leftmost pixel counting 16.
inline constexpr std::string_view glyphs =
    "000000000 ggggg0g00 kkk000000 aavavaa00 4fke5u400 pp248jj00 cik8lid00 ggg000000 "
    "48gggg840 g844448g0 04lel4000 044v44000 00000088g 000u00000 000000g00 11248gg00 "
    "ehhlhhe00 4ck444v00 eh1248v00 eh161he00 26aiv2200 vgu11he00 68guhhe00 v12244400 "
    "ehhehhe00 ehhf12c00 00g000g00 00800088g 248g84200 00u0u0000 g84248g00 eh1240400 "
    "ehnlngf00 ehhvhhh00 uhhuhhu00 ehggghe00 uhhhhhu00 vgguggv00 vgguggg00 ehgnhhf00 "
    "hhhvhhh00 s88888s00 72222ic00 hikokih00 ggggggv00 hrllhhh00 hppljjh00 ehhhhhe00 "
    "uhhuggg00 ehhhlid00 uhhukih00 fgge11u00 v44444400 hhhhhhe00 hhhhaa400 hhhllla00 "
    "hha4ahh00 hha444400 v1248gv00 sggggggs0 gg8421100 s444444s0 4ah000000 0000000v0 "
    "g80000000 00e1fhf00 ggmphhu00 00ehghe00 11djhhf00 00ehvge00 688u88800 00fhhhf1e "
    "ggmphhh00 80o888s00 40c44444o ggikoki00 o88888c00 00ullll00 00mphhh00 00ehhhe00 "
    "00uhhhugg 00fhhhf11 00moggg00 00fge1u00 88u888600 00hhhjd00 00hhha400 00hhlla00 "
    "00ha4ah00 00hhhhf1e 00v248v00 688g88860 gggggggg0 o442444o0 009li0000 ";
inline constexpr Index glyph_rows = 9;
inline constexpr Index glyph_columns = 5;

[[nodiscard]] constexpr unsigned glyph_row(char character, Index row) {
  const auto place = static_cast<std::size_t>((character - ' ') * (glyph_rows + 1) + row);
  const char digit = glyphs[place];
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/// Whether the glyph has ink in the column.
[[nodiscard]] constexpr bool has_ink(char character, Index column) {
  for (Index row = 0; row < glyph_rows; ++row) {
    if ((glyph_row(character, row) >> (glyph_columns - 1 - column) & 1U) != 0) return true;
  }
  return false;
}

/// The width of a character in columns: the same for all digits, so that numbers line up; for
/// others the columns that have ink.
[[nodiscard]] constexpr Index glyph_width(char character) {
  if (character >= '0' && character <= '9') return glyph_columns;
  if (character == ' ') return 3;
  Index width = glyph_columns;
  while (width > 1 && !has_ink(character, width - 1)) --width;
  return width;
}

/// The text in characters of the font: '?' for those that it lacks.
[[nodiscard]] inline std::string printable(std::string_view text) {
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= 0x80 && byte < 0xc0) continue;  // a continuation byte of UTF-8
    result += byte >= 32 && byte < 127 ? character : '?';
  }
  return result;
}

}  // namespace detail

/// Options of text.
struct TextStyle {
  Index scale = 1;               ///< pixels a dot of the font
  Colour colour = {51, 51, 51};  ///< of the dots
};

/// The width in pixels of a line of text.
[[nodiscard]] inline Index text_width(std::string_view text, Index scale = 1) {
  Index width = 0;
  for (const char character : detail::printable(text)) width += detail::glyph_width(character) + 1;
  return std::max<Index>(width - 1, 0) * scale;
}

/// The height in pixels of a line of text, from the top of a capital to the foot of a "g".
[[nodiscard]] inline Index text_height(Index scale = 1) { return detail::glyph_rows * scale; }

namespace detail {

/// Whether the font has a dot there; positions outside the glyph have none.
[[nodiscard]] constexpr bool has_dot(char character, Index row, Index column) {
  if (row < 0 || column < 0 || row >= glyph_rows || column >= glyph_columns) return false;
  return (glyph_row(character, row) >> (glyph_columns - 1 - column) & 1U) != 0;
}

/// How much ink, from 0 to 1, covers the pixel (y, x) of a glyph enlarged by `scale`. Dots are
/// interpolated between their centres and the result is cut off where a stroke would have its edge,
/// which rounds corners and turns staircases into diagonals.
[[nodiscard]] inline double ink(char character, Index y, Index x, Index scale) {
  const double row = (static_cast<double>(y) + 0.5) / static_cast<double>(scale) - 0.5;
  const double column = (static_cast<double>(x) + 0.5) / static_cast<double>(scale) - 0.5;
  const auto above = static_cast<Index>(std::floor(row));
  const auto before = static_cast<Index>(std::floor(column));
  const double down = row - static_cast<double>(above);
  const double right = column - static_cast<double>(before);
  double level = 0;
  for (const Index i : {0, 1}) {
    for (const Index j : {0, 1}) {
      if (!has_dot(character, above + i, before + j)) continue;
      level += (i == 0 ? 1 - down : down) * (j == 0 ? 1 - right : right);
    }
  }
  constexpr double edge = 0.44;
  const auto steepness = static_cast<double>(std::max<Index>(scale, 2));
  return std::clamp((level - edge) * steepness + 0.5, 0.0, 1.0);
}

[[nodiscard]] inline Colour mixed(Colour under, Colour over, double share) {
  const auto mix = [share](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(a + (b - a) * share + 0.5);
  };
  return {mix(under.red, over.red), mix(under.green, over.green), mix(under.blue, over.blue)};
}

inline void draw_glyph(Image& image, char character, Index top, Index left,
                       const TextStyle& style) {
  for (Index y = 0; y < glyph_rows * style.scale; ++y) {
    for (Index x = 0; x < glyph_width(character) * style.scale; ++x) {
      const bool inside =
          top + y >= 0 && left + x >= 0 && top + y < image.height() && left + x < image.width();
      const double share = inside ? ink(character, y, x, style.scale) : 0.0;
      if (share == 0.0) continue;
      image.set(top + y, left + x, mixed(image.at(top + y, left + x), style.colour, share));
    }
  }
}

}  // namespace detail

/// Draws a line of text with its upper left corner at (top, left). The font holds ASCII; any other
/// character is drawn as "?".
inline void draw_text(Image& image, std::string_view text, Index top, Index left,
                      const TextStyle& style = {}) {
  for (const char character : detail::printable(text)) {
    detail::draw_glyph(image, character, top, left, style);
    left += (detail::glyph_width(character) + 1) * style.scale;
  }
}

/// Draws a line of text centred between `left` and `left + width`.
inline void draw_text_centred(Image& image, std::string_view text, Index top, Index left,
                              Index width, const TextStyle& style = {}) {
  draw_text(image, text, top, left + (width - text_width(text, style.scale)) / 2, style);
}

}  // namespace nn::viz
