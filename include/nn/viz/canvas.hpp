/// @file
/// A sheet to place boxes, pictures and words on, for figures that have no axes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "nn/viz/gnuplot.hpp"

namespace nn::viz {

/// Where a text's position lies in it.
enum class Align { left, centre, right };

/// How words look on a canvas.
struct WordStyle {
  double points = figure_points;  ///< of the font
  Colour colour = text_colour;    ///< of the words
  Align align = Align::left;      ///< of the position in the words
  bool bold = false;              ///< heavier
  bool upwards = false;           ///< turned by 90 degrees
};

/// A sheet on which positions are in pixels from the upper left corner. Boxes lie lowest, pictures
/// above them, then lines, then words, each kind in the order in which it was added.
class Canvas {
 public:
  /// An empty sheet.
  explicit Canvas(FigureSize size) : size_(size) {}

  /// In pixels of a page.
  [[nodiscard]] const FigureSize& size() const { return size_; }

  /// A filled rectangle.
  void box(double left, double top, double width, double height, Colour colour) {
    boxes_ << left + width / 2 << ' ' << top + height / 2 << ' ' << left << ' ' << left + width
           << ' ' << top << ' ' << top + height << ' ' << number(colour) << '\n';
  }

  /// A thin line from one point to another.
  void line(double x0, double y0, double x1, double y1, Colour colour) {
    lines_ << x0 << ' ' << y0 << ' ' << x1 - x0 << ' ' << y1 - y0 << ' ' << number(colour) << '\n';
  }

  /// Lines along the edge of a box, inside it.
  void frame(double left, double top, double width, double height, double thickness,
             Colour colour) {
    box(left, top, width, thickness, colour);
    box(left, top + height - thickness, width, thickness, colour);
    box(left, top, thickness, height, colour);
    box(left + width - thickness, top, thickness, height, colour);
  }

  /// A picture, stretched to `width` x `height`, without smoothing.
  void picture(const Image& image, double left, double top, double width, double height) {
    const double dx = width / static_cast<double>(image.width());
    const double dy = height / static_cast<double>(image.height());
    data_ << "$picture" << pictures_ << " << EOD\n";
    for (Index y = 0; y < image.height(); ++y) {
      for (Index x = 0; x < image.width(); ++x) {
        const Colour c = image.at(y, x);
        data_ << left + (static_cast<double>(x) + 0.5) * dx << ' '
              << top + (static_cast<double>(y) + 0.5) * dy << ' ' << int{c.red} << ' '
              << int{c.green} << ' ' << int{c.blue} << '\n';
      }
    }
    data_ << "EOD\n";
    ++pictures_;
  }

  /// A line of text whose middle is at the height `y`.
  void words(std::string_view text, double x, double y, const WordStyle& style = {}) {
    const std::string_view align = style.align == Align::left     ? "left"
                                   : style.align == Align::centre ? "center"
                                                                  : "right";
    labels_ << "set label " << ++words_ << ' ' << detail::in_quotes(text) << " at " << x << ',' << y
            << ' ' << align << (style.upwards ? " rotate by 90" : "") << " front"
            << " font '" << figure_font << (style.bold ? ":Bold" : "") << ',' << style.points
            << "' tc rgb " << detail::quoted_colour(style.colour) << '\n';
  }

  /// Writes the sheet as .png or .svg.
  /// @throws Error when gnuplot is missing, FileError when the file cannot be written.
  void write(const std::filesystem::path& path) const {
    nn::detail::TextStream out;
    out << "unset border\nunset tics\nunset key\nset lmargin 0\nset rmargin 0\nset tmargin 0\n"
        << "set bmargin 0\nset xrange [0:" << size_.width << "]\nset yrange [" << size_.height
        << ":0]\n"
        // A box and a line outside the sheet, so that there is always something to plot.
        << "$boxes << EOD\n-9 -9 -9 -8 -9 -8 0\n"
        << boxes_.str() << "EOD\n"
        << "$lines << EOD\n-9 -9 1 1 0\n"
        << lines_.str() << "EOD\n"
        << data_.str() << labels_.str()
        << "plot $boxes using 1:2:3:4:5:6:7 with boxxyerror fs solid noborder lc rgb variable";
    for (Index k = 0; k < pictures_; ++k) out << ", $picture" << k << " with rgbimage";
    out << ", $lines using 1:2:3:4:5 with vectors nohead lw 1 lc rgb variable\n";
    detail::draw(path, size_, out.str());
  }

 private:
  static int number(Colour c) { return c.red * 65536 + c.green * 256 + c.blue; }

  FigureSize size_;
  nn::detail::TextStream boxes_, lines_, data_, labels_;
  Index pictures_ = 0;
  Index words_ = 0;
};

}  // namespace nn::viz
