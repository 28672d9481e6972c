// Draws the curves of bench/growth and bench/ranks:
//
//     growth_curves curves.csv FOLDER
//
// Each line of the file is a point: figure, curve, x, y. A figure is named by its file and titles,
// "growth-batch.png;title;label of x;label of y;log" (log where both axes are logarithmic).

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: growth_curves curves.csv FOLDER\n";
    return 1;
  }
  try {
    std::map<std::string, std::vector<nn::viz::Curve>> figures;
    std::ifstream file(argv[1]);
    for (std::string line; std::getline(file, line);) {
      const std::vector<std::string> point = cut(line, ',');
      nn::require(point.size() == 4, "expected figure,curve,x,y, got ", line);
      nn::viz::Curve& curve = curve_of(figures[point[0]], point[1]);
      curve.x.push_back(std::stod(point[2]));
      curve.y.push_back(std::stod(point[3]));
    }
    for (const auto& [figure, curves] : figures) draw(argv[2], figure, curves);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
