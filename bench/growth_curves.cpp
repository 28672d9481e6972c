// Draws the curves of bench/growth:
//
//     growth_curves curves.csv FOLDER
//
// Each line of the file is a point: figure, curve, x, y. A figure is named by its file and titles,
// "growth-batch.png;title;label of x;label of y;log" (log where both axes are logarithmic).

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nn/viz/plot.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::vector<std::string> cut(const std::string& line, char separator) {
  std::vector<std::string> pieces;
  std::istringstream stream(line);
  for (std::string piece; std::getline(stream, piece, separator);) pieces.push_back(piece);
  return pieces;
}

/// The curve of that name, a new one at the end if there is none.
nn::viz::Curve& curve_of(std::vector<nn::viz::Curve>& curves, const std::string& name) {
  for (nn::viz::Curve& curve : curves) {
    if (curve.name == name) return curve;
  }
  const bool dashed = name.find("2 threads") != std::string::npos;
  curves.push_back({.name = name, .style = nn::viz::CurveStyle::line_and_points, .dashed = dashed});
  return curves.back();
}

void draw(const std::filesystem::path& folder, const std::string& figure,
          const std::vector<nn::viz::Curve>& curves) {
  const std::vector<std::string> words = cut(figure, ';');
  nn::require(words.size() == 5, "a figure called ", figure);
  const bool logarithmic = words[4] == "log";
  nn::viz::plot_curves(folder / words[0], curves,
                       {.title = words[1],
                        .x = {.label = words[2], .logarithmic = true},
                        .y = {.label = words[3],
                              .logarithmic = logarithmic,
                              .min = logarithmic ? std::optional<double>{} : 0.0}});
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
