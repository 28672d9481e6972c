/// @file
/// The pictures of part4_generators. They take any generator with `latent`, `set_class` and `draw`,
/// whose latent rows are random numbers and, behind them, the digit.
#pragma once

#include <nn/train/nearest_neighbours.hpp>
#include <nn/viz/labelled_grid.hpp>
#include <nn/viz/plot.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "support/flow.hpp"
#include "support/gan_drawings.hpp"
#include "support/text.hpp"

namespace example {

/// Random numbers that are the same in every run, a row of ten for each; each column is a digit.
template <class Generator>
[[nodiscard]] nn::Tensor<float> digits_in_columns(const Generator& generator, nn::Index rows) {
  nn::Tensor<float> latent = generator.latent(10 * rows, 12345);
  for (nn::Index i = 0; i < latent.shape()[0]; ++i) {
    generator.set_class(latent, i, static_cast<nn::Label>(i % 10));
  }
  return latent;
}

/// Eight of each digit, one under the other.
template <class Generator>
void draw_digits(const std::filesystem::path& file, Generator& generator) {
  nn::viz::write_png(
      file, nn::viz::image_grid(pictures_of(generator.draw(digits_in_columns(generator, 8)).view()),
                                10, {.scale = 2, .gap = 4}));
}

/// Images on the way from one latent row to another: three lines within a digit, then three from
/// digit to digit.
/// @param mix called with two rows, the share of the way between them, and where to write what is
/// there
template <class Generator, class Mix>
void draw_ways(const std::filesystem::path& file, Generator& generator, const Mix& mix) {
  constexpr nn::Index columns = 10;
  constexpr std::array<std::array<nn::Label, 2>, 6> ends{
      {{2, 2}, {4, 4}, {8, 8}, {1, 7}, {3, 5}, {9, 0}}};
  const auto rows = static_cast<nn::Index>(ends.size());
  nn::Tensor<float> latent = generator.latent(2 * rows, 777);
  nn::Tensor<float> ways({rows * columns, latent.shape()[1]});
  for (nn::Index row = 0; row < rows; ++row) {
    generator.set_class(latent, 2 * row, ends[static_cast<std::size_t>(row)][0]);
    generator.set_class(latent, 2 * row + 1, ends[static_cast<std::size_t>(row)][1]);
    for (nn::Index column = 0; column < columns; ++column) {
      mix(latent.view().sample(2 * row), latent.view().sample(2 * row + 1),
          static_cast<double>(column) / static_cast<double>(columns - 1),
          ways.view().sample(row * columns + column));
    }
  }
  nn::viz::write_png(file, nn::viz::image_grid(pictures_of(generator.draw(ways).view()), columns,
                                               {.scale = 2, .gap = 4}));
}

/// The straight line between two rows.
inline void mix_straight(nn::TensorView<const float> from, nn::TensorView<const float> to,
                         double share, nn::TensorView<float> result) {
  const auto t = static_cast<float>(share);
  for (nn::Index k = 0; k < result.size(); ++k) result[k] = (1 - t) * from[k] + t * to[k];
}

/// Five digits on their way from noise: a row each, a column for each moment.
inline void draw_path(const std::filesystem::path& file, Flow<float>& flow) {
  constexpr nn::Index rows = 5;
  constexpr nn::Index moments = 11;
  nn::Tensor<float> latent = flow.latent(rows, 4321);
  for (nn::Index i = 0; i < rows; ++i) {
    flow.set_class(latent, i, static_cast<nn::Label>((2 * i + 3) % 10));
  }
  std::vector<nn::viz::Image> images(static_cast<std::size_t>(rows * moments));
  std::vector<std::string> titles;
  const auto keep = [&](double t, nn::TensorView<const float> x) {
    const auto column = static_cast<nn::Index>(titles.size());
    for (nn::Index i = 0; i < rows; ++i) {
      images[static_cast<std::size_t>(i * moments + column)] =
          nn::viz::to_image(x.sample(i).reshaped({28, 28, 1}), {-1, 1});
    }
    titles.push_back("t = " + fixed(t, 1));
  };
  const nn::Index steps = std::exchange(flow.steps, moments - 1);
  flow.average.swap(flow.model);
  (void)flow.carry(latent, keep);
  flow.average.swap(flow.model);
  flow.steps = steps;
  nn::viz::write_image_grid(file, images, moments,
                            {.scale = 3, .gap = 6, .column_titles = titles, .text_scale = 2});
}

/// One way for the flow to draw, and what it comes to.
struct DrawingRow {
  nn::Index steps = 0;
  nn::Index evaluations = 0;  ///< of the network, for each image
  bool heun = false;
  double guidance = 1;
  double frechet_distance = 0;
  double classifier_score = 0;
};

/// The Frechet distance against the number of evaluations.
inline void draw_steps(const std::filesystem::path& file, const std::vector<DrawingRow>& rows,
                       double real) {
  nn::viz::Curve euler{.name = "Euler's method"};
  nn::viz::Curve heun{.name = "Heun's method"};
  std::vector<double> ticks;
  for (const DrawingRow& row : rows) {
    nn::viz::Curve& curve = row.heun ? heun : euler;
    curve.x.push_back(static_cast<double>(row.evaluations));
    curve.y.push_back(row.frechet_distance);
    if (!row.heun) ticks.push_back(curve.x.back());
  }
  nn::viz::plot_curves(
      file, {euler, heun},
      {.title = "Frechet distance by evaluations of the network",
       .x = {.label = "evaluations for each image", .logarithmic = true, .ticks = ticks},
       .y = {.label = "distance", .logarithmic = true},
       .lines = {{.at = real, .label = "real images"}}});
}

}  // namespace example
