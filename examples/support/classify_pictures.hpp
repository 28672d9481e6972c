/// @file
/// Pictures of any kind and size, classified by networks that were trained before.
#pragma once

#include <algorithm>
#include <iostream>
#include <nn/viz/grid.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/probabilities.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "support/any_picture.hpp"
#include "support/doubt.hpp"
#include "support/each_file.hpp"
#include "support/stored_network.hpp"
#include "support/text.hpp"

namespace example {

/// The three likeliest classes with their probabilities.
inline std::string likeliest(nn::TensorView<const float> row,
                             const std::vector<std::string>& names) {
  std::vector<nn::Index> order(names.size());
  std::iota(order.begin(), order.end(), nn::Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](nn::Index a, nn::Index b) { return row[a] > row[b]; });
  std::string text;
  for (std::size_t k = 0; k < std::min<std::size_t>(3, order.size()); ++k) {
    text += (k > 0 ? ", " : "") + names[static_cast<std::size_t>(order[k])] + " " +
            percent(row[order[k]], 1);
  }
  return text;
}

/// The answers have been given: without gnuplot, the picture of them is all that is missing.
inline void draw_answers(const std::filesystem::path& file,
                         const std::vector<nn::viz::Prediction>& predictions,
                         const std::vector<std::string>& class_names) {
  try {
    nn::viz::plot_predictions(file, predictions, {.class_names = class_names});
    std::cout << "picture: " << file.string() << '\n';
  } catch (const nn::FileError&) {
    throw;
  } catch (const nn::Error& error) {
    std::cout << "left out: the picture of the answers: " << error.what() << '\n';
  }
}

/// The pictures that can be read, and what they are for the network.
struct Pictures {
  std::vector<std::string> names;
  std::vector<nn::viz::Image> originals;
  std::vector<nn::viz::PreparedPicture> prepared;
  nn::Index refused = 0;
};

/// Reads the pictures; tells on stderr why others cannot be.
inline Pictures read_pictures(const std::vector<std::string>& files, const std::string& dataset,
                              const nn::Shape& shape) {
  Pictures pictures;
  pictures.refused = refused_of(files, [&](const std::string& file) {
    const nn::viz::Image picture = nn::viz::read_image(file);
    pictures.prepared.push_back(prepare_picture(picture, dataset, shape));
    pictures.originals.push_back(picture);
    pictures.names.push_back(file);
  });
  return pictures;
}

/// The pictures as a data set, every label being 0.
inline nn::Dataset dataset_of(const Pictures& pictures, const nn::Shape& shape,
                              const std::vector<std::string>& class_names) {
  const std::size_t count = pictures.prepared.size();
  nn::Tensor<std::uint8_t> pixels(shape.prepended(static_cast<nn::Index>(count)));
  for (std::size_t i = 0; i < count; ++i) {
    const nn::Tensor<std::uint8_t>& from = pictures.prepared[i].image.pixels();
    std::copy(from.begin(), from.end(), pixels.sample(static_cast<nn::Index>(i)).begin());
  }
  return {std::move(pixels), std::vector<nn::Label>(count, 0), class_names, "pictures"};
}

/// Prints and draws the answers of the networks, by the mean of their probabilities.
inline void answer(const std::filesystem::path& out, const std::vector<Trained>& networks,
                   const Pictures& pictures) {
  const std::vector<std::string>& class_names = networks.front().class_names;
  const nn::Dataset data = dataset_of(pictures, networks.front().model.input_shape(), class_names);
  const nn::Tensor<float> probabilities = nn::mean_probabilities<float>(logits_of(networks, data));
  std::vector<nn::viz::Prediction> predictions;
  std::vector<nn::viz::Image> seen;
  for (const nn::viz::PreparedPicture& picture : pictures.prepared) seen.push_back(picture.image);
  nn::viz::write_png(out / "seen.png", nn::viz::image_grid(seen, 8, {.scale = 4}));
  std::cout << "what the network is shown: " << (out / "seen.png").string() << '\n';
  for (std::size_t i = 0; i < pictures.prepared.size(); ++i) {
    const auto row = std::as_const(probabilities).sample(static_cast<nn::Index>(i));
    const std::string& done = pictures.prepared[i].done;
    const std::string reason = doubt(row);
    std::cout << pictures.names[i] << " (" << pictures.originals[i].width() << "x"
              << pictures.originals[i].height() << (done.empty() ? "" : ", " + done)
              << "): " << likeliest(row, class_names) << (reason.empty() ? "" : " (" + reason + ")")
              << '\n';
    predictions.push_back({pictures.prepared[i].image, {row.begin(), row.end()}});
  }
  draw_answers(out / "classified.png", predictions, class_names);
}

/// Classifies pictures by the networks, whose answers are averaged.
/// @throws nn::Error, after all others were answered, when there are pictures that cannot be read.
inline void classify_pictures(const std::filesystem::path& out,
                              const std::vector<Trained>& networks,
                              const std::vector<std::string>& files) {
  const Trained& first = networks.front();
  const Pictures pictures = read_pictures(files, first.dataset, first.model.input_shape());
  if (!pictures.prepared.empty()) answer(out, networks, pictures);
  nn::require(pictures.refused == 0, pictures.refused, " of ", files.size(),
              " pictures could not be classified");
}

}  // namespace example
