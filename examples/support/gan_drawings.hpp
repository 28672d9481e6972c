/// @file
/// The pictures of part 4: grids of generated images, lines between them, and curves.
#pragma once

#include <algorithm>
#include <nn/train/nearest_neighbours.hpp>
#include <nn/viz/labelled_grid.hpp>
#include <nn/viz/plot.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "support/gan.hpp"
#include "support/history.hpp"
#include "support/program.hpp"

namespace example {

/// One epoch of the game, in numbers that a checkpoint keeps as they are.
struct GanEpoch {
  double discriminator_loss = 0, generator_loss = 0;
  double real_accuracy = 0, generated_accuracy = 0;
  double seconds = 0;
  double classifier_score = 0, frechet_distance = 0, nearest_neighbour_accuracy = 0;
  double smallest_share = 0;
};

/// Images in [-1, 1] as pictures.
inline std::vector<nn::viz::Image> pictures_of(nn::TensorView<const float> images) {
  return nn::viz::to_images(images, nn::viz::ValueRange{-1, 1});
}

/// Always the same random numbers, a row of ten images for each; of ten classes, each column is
/// one.
inline nn::Tensor<float> fixed_latent(const Gan<float>& gan, nn::Index rows) {
  nn::Tensor<float> latent = gan.latent(10 * rows, 12345);
  for (nn::Index i = 0; i < latent.shape()[0]; ++i)
    gan.set_class(latent, i, static_cast<nn::Label>(i % 10));
  return latent;
}

/// What the generator makes of each row of `latent`, ten to a line.
inline void draw_grid(const std::filesystem::path& file, Gan<float>& gan,
                      const nn::Tensor<float>& latent) {
  const nn::Tensor<float> images = gan.draw(latent);
  nn::viz::write_png(file, nn::viz::image_grid(pictures_of(images), 10, {.scale = 2, .gap = 4}));
}

/// Images along straight lines between latent vectors, a line each row; with classes, the last
/// lines lead from one class to another.
inline void draw_lines(const std::filesystem::path& file, Gan<float>& gan) {
  constexpr nn::Index rows = 8;
  constexpr nn::Index columns = 12;
  nn::Tensor<float> ends = gan.latent(2 * rows, 777);
  nn::Tensor<float> line({rows * columns, ends.shape()[1]});
  for (nn::Index row = 0; row < rows; ++row) {
    gan.set_class(ends, 2 * row, static_cast<nn::Label>(row));
    gan.set_class(ends, 2 * row + 1, static_cast<nn::Label>(row < 4 ? row : (row * 3 + 1) % 10));
    for (nn::Index column = 0; column < columns; ++column) {
      const float t = static_cast<float>(column) / static_cast<float>(columns - 1);
      for (nn::Index k = 0; k < ends.shape()[1]; ++k) {
        line(row * columns + column, k) = (1 - t) * ends(2 * row, k) + t * ends(2 * row + 1, k);
      }
    }
  }
  const nn::Tensor<float> images = gan.draw(line);
  nn::viz::write_png(file, nn::viz::image_grid(pictures_of(images), columns, {.gap = 4}));
}

/// The generated images that come nearest to a training image, above that one.
inline void draw_nearest(const std::filesystem::path& file, nn::TensorView<const float> generated,
                         nn::TensorView<const float> training,
                         const nn::Memorisation& memorisation) {
  std::vector<nn::Index> order(memorisation.neighbours.size());
  std::iota(order.begin(), order.end(), nn::Index{0});
  const auto neighbour = [&](nn::Index i) {
    return memorisation.neighbours[static_cast<std::size_t>(i)];
  };
  std::stable_sort(order.begin(), order.end(), [&](nn::Index a, nn::Index b) {
    return neighbour(a).distance < neighbour(b).distance;
  });
  std::vector<nn::viz::Image> images;
  const auto add = [&](nn::TensorView<const float> from, nn::Index i) {
    images.push_back(nn::viz::to_image(from.sample(i), {-1, 1}));
  };
  constexpr std::size_t columns = 12;
  for (std::size_t k = 0; k < columns; ++k) add(generated, order[k]);
  for (std::size_t k = 0; k < columns; ++k) add(training, neighbour(order[k]).index);
  nn::viz::write_image_grid(file, images, columns,
                            {.gap = 4, .row_titles = {"generated", "training"}});
}

/// Draws losses.png, accuracies.png and quality.png.
inline void draw_curves(const Flags& flags, const std::vector<GanEpoch>& records) {
  std::vector<double> epochs;
  const auto all = [&](double GanEpoch::*member) {
    std::vector<double> values;
    for (const GanEpoch& record : records) values.push_back(record.*member);
    return values;
  };
  for (std::size_t i = 0; i < records.size(); ++i) epochs.push_back(static_cast<double>(i + 1));
  const nn::viz::Axis x{.label = "epoch",
                        .ticks = epoch_ticks(static_cast<nn::Index>(epochs.size()))};
  nn::viz::plot_curves(
      flags.out / "losses.png",
      {{.name = "discriminator", .x = epochs, .y = all(&GanEpoch::discriminator_loss)},
       {.name = "generator", .x = epochs, .y = all(&GanEpoch::generator_loss)}},
      {.title = "Losses", .x = x, .y = {.label = "loss", .min = 0.0}});
  nn::viz::plot_curves(
      flags.out / "accuracies.png",
      {{.name = "real images taken for real", .x = epochs, .y = all(&GanEpoch::real_accuracy)},
       {.name = "generated images found out",
        .x = epochs,
        .y = all(&GanEpoch::generated_accuracy)}},
      {.title = "The discriminator", .x = x, .y = {.label = "accuracy", .percent = true}});
  nn::viz::plot_curves(
      flags.out / "quality.png",
      {{.name = "Frechet distance", .x = epochs, .y = all(&GanEpoch::frechet_distance)}},
      {.title = "Frechet distance to the test images",
       .x = x,
       .y = {.label = "distance", .logarithmic = true}});
}

/// All epochs and 0, which is before them; of many, ten whose distances grow.
inline std::vector<std::size_t> shown_epochs(std::size_t epochs) {
  constexpr std::size_t most = 10;
  std::vector<std::size_t> shown{0};
  for (std::size_t k = 1; k <= most; ++k) {
    const double share = static_cast<double>(k * k) / static_cast<double>(most * most);
    const auto epoch = static_cast<std::size_t>(share * static_cast<double>(epochs));
    const std::size_t next = epochs <= most ? k : std::max(epoch, shown.back() + 1);
    if (next <= epochs) shown.push_back(next);
  }
  return shown;
}

/// The first row of every epoch's grid, or of some, one under the other: images as they emerge.
inline void draw_strip(const Flags& flags, nn::Index image_height, std::size_t epochs) {
  std::vector<nn::viz::Image> rows;
  std::vector<std::string> titles;
  const nn::Index height = 2 * image_height + 8;
  for (const std::size_t epoch : shown_epochs(epochs)) {
    const std::string number = (epoch < 10 ? "0" : "") + std::to_string(epoch);
    const nn::viz::Image grid = nn::viz::read_image(flags.out / ("epoch_" + number + ".png"));
    rows.push_back(nn::viz::crop(grid, 0, 0, height, grid.width()));
    titles.push_back(epoch == 0 ? "before" : "epoch " + std::to_string(epoch));
  }
  nn::viz::write_image_grid(flags.out / "strip.png", rows, 1,
                            {.scale = 1, .gap = 4, .row_titles = titles});
}

}  // namespace example
