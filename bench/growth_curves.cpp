// Draws the curves of bench/growth and bench/ranks, and the bars of bench/compare:
//
//     growth_curves curves.csv FOLDER
//
// Each line of the file is a point: figure, curve, x, y. A figure is named by its file and titles,
// "growth-batch.png;title;label of x;label of y;log" (log where both axes are logarithmic). With
// "bars" in place of "log", a curve is the bars of one colour, and x is what stands under a bar.

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nn/viz/plot.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

std::vector<std::string> cut(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, separator);) fields.push_back(field);
  return fields;
}

/// The curve of that name, a new one at the end if there is none. Curves whose names begin with the
/// same word have one colour; those of two threads are dashed.
nn::viz::Curve& curve_of(std::vector<nn::viz::Curve>& curves, const std::string& name) {
  const auto first_word = [](const std::string& text) { return text.substr(0, text.find(' ')); };
  std::set<std::string> words;
  for (nn::viz::Curve& curve : curves) {
    if (curve.name == name) return curve;
    words.insert(first_word(curve.name));
  }
  nn::viz::Curve curve{.name = name, .style = nn::viz::CurveStyle::line_and_points};
  curve.dashed = name.find("2 threads") != std::string::npos;
  curve.colour = nn::viz::series_colours[words.size() % nn::viz::series_colours.size()];
  for (const nn::viz::Curve& other : curves) {
    if (first_word(other.name) == first_word(name)) curve.colour = other.colour;
  }
  curves.push_back(std::move(curve));
  return curves.back();
}

/// Powers of two over what the curves show, every other one where there are many.
std::vector<double> powers_of_two(const std::vector<nn::viz::Curve>& curves) {
  double last = 1;
  for (const nn::viz::Curve& curve : curves) {
    for (const double x : curve.x) last = std::max(last, x);
  }
  std::vector<double> ticks;
  for (double tick = 1; tick <= last; tick *= last > 512 ? 4 : 2) ticks.push_back(tick);
  return ticks;
}

void draw(const std::filesystem::path& folder, const std::string& figure,
          const std::vector<nn::viz::Curve>& curves) {
  const std::vector<std::string> words = cut(figure, ';');
  nn::require(words.size() == 5, "a figure called ", figure);
  const bool logarithmic = words[4] == "log";
  nn::viz::plot_curves(
      folder / words[0], curves,
      {.title = words[1],
       .x = {.label = words[2], .logarithmic = true, .ticks = powers_of_two(curves)},
       .y = {.label = words[3],
             .logarithmic = logarithmic,
             .min = logarithmic ? std::optional<double>{} : 0.0},
       .size = {520, 340}});
}

/// A line of the file.
struct Point {
  std::string curve;
  std::string x;
  double y;
};

void draw_curves(const std::filesystem::path& folder, const std::string& figure,
                 const std::vector<Point>& points) {
  std::vector<nn::viz::Curve> curves;
  for (const Point& point : points) {
    nn::viz::Curve& curve = curve_of(curves, point.curve);
    curve.x.push_back(std::stod(point.x));
    curve.y.push_back(point.y);
  }
  draw(folder, figure, curves);
}

void draw_bars(const std::filesystem::path& folder, const std::vector<std::string>& words,
               const std::vector<Point>& points) {
  std::vector<std::string> categories;
  std::vector<nn::viz::BarSeries> bars;
  for (const Point& point : points) {
    if (std::find(categories.begin(), categories.end(), point.x) == categories.end()) {
      categories.push_back(point.x);
    }
    const auto found =
        std::find_if(bars.begin(), bars.end(),
                     [&](const nn::viz::BarSeries& series) { return series.name == point.curve; });
    if (found != bars.end()) {
      found->values.push_back(point.y);
    } else {
      bars.push_back({.name = point.curve, .values = {point.y}});
    }
  }
  nn::viz::plot_bars(folder / words[0], categories, bars,
                     {.title = words[1],
                      .x = {.label = words[2]},
                      .y = {.label = words[3]},
                      .lines = {{.at = 1, .label = "as fast"}},
                      .size = {760, 360}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: growth_curves curves.csv FOLDER\n";
    return 1;
  }
  try {
    std::map<std::string, std::vector<Point>> figures;
    std::ifstream file(argv[1]);
    for (std::string line; std::getline(file, line);) {
      const std::vector<std::string> fields = cut(line, ',');
      nn::require(fields.size() == 4, "expected figure,curve,x,y, got ", line);
      figures[fields[0]].push_back({fields[1], fields[2], std::stod(fields[3])});
    }
    for (const auto& [figure, points] : figures) {
      const std::vector<std::string> words = cut(figure, ';');
      if (words.back() == "bars") {
        draw_bars(argv[2], words, points);
      } else {
        draw_curves(argv[2], figure, points);
      }
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
