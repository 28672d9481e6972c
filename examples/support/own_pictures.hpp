/// @file
/// What own_images needs beside the library: its flags, pictures for those who have none of their
/// own, and the page.
#pragma once

#include <nn/viz/history.hpp>
#include <nn/viz/write_image_folder.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "support/classifier_page.hpp"

namespace example {

/// The flags of own_images.
struct OwnOptions : Flags {
  std::filesystem::path train;        ///< a folder with a folder for each class
  std::vector<std::string> classify;  ///< pictures
  std::filesystem::path model;        ///< the file of the trained model
  nn::Index per_class = 200;          ///< of the data set that is written out without --train
  nn::Index side = 0;                 ///< of the pictures that the network takes
  bool no_flip = false;               ///< for pictures that mean something else mirrored
};

/// Reads the flags and calls `body`; returns the exit status.
inline int run_own_images(int argc, char** argv, OwnOptions& options,
                          const std::function<void()>& body) {
  options.dataset = "fashion-mnist";
  CommandLine line("own_images",
                   "Trains a classifier on folders of pictures, and classifies others.", options,
                   {.accuracy = true});
  line.flag("--train", options.train, "a folder that holds a folder of pictures for each class");
  line.flag("--classify", options.classify, "pictures (PNG, JPEG) to classify by --model");
  line.flag("--model", options.model, "the model's file (--out/model.safetensors)");
  line.choice("--dataset", options.dataset, {"fashion-mnist", "cifar-10"},
              "without --train: images that are written out as folders of pictures");
  line.flag("--per-class", options.per_class, "how many of these for each class");
  line.flag("--side", options.side, "height and width to bring pictures to (0: as most have)");
  line.flag("--epochs", options.epochs, "at most so many epochs (0: the fewer pictures, the more)");
  line.flag("--no-flip", options.no_flip, "for pictures that mean something else mirrored");
  return run_program(line, argc, argv, [&] {
    if (options.model.empty()) options.model = options.out / "model.safetensors";
    body();
  });
}

/// The folder that was given or, where none was, one into which a share of a data set is written.
inline std::filesystem::path pictures_of(const OwnOptions& options) {
  if (!options.train.empty()) return options.train;
  const std::filesystem::path folder = options.out / "pictures" / options.dataset;
  std::filesystem::remove_all(folder);
  const nn::Index wanted =
      options.quick ? std::min<nn::Index>(20, options.per_class) : options.per_class;
  nn::require(wanted > 0, "--per-class takes a positive number");
  nn::viz::write_image_folder(load_images(options).train, folder, {.per_class = wanted});
  std::cout << "written out as pictures, " << wanted << " a class: " << folder.string() << '\n';
  return folder;
}

/// A training on pictures of one's own.
struct OwnTraining {
  const nn::Plan& network;
  const ImageParts& parts;
  const nn::History& history;
  const Answers& answers;  ///< for the test set
};

/// Writes metrics.json and the page, examples/pages/own_images.md, and prints where they are.
inline void write_page(const OwnOptions& options, const OwnTraining& training) {
  const auto& [network, parts, history, answers] = training;
  const double accuracy = answers.confusion.accuracy();
  Metrics values;
  values["test_accuracy"] = accuracy;
  values["classes"] = parts.test.classes();
  values["training_pictures"] = parts.training.size();
  values["train_seconds"] = history.seconds();
  values["history"] = history_metrics(history);
  write_metrics(options.out, values);

  nn::viz::plot_history(options.out / "loss.png", history, nn::viz::HistoryFigure::loss,
                        {.title = "Loss (mean cross-entropy)", .y = {.label = "loss", .min = 0.0}});
  nn::viz::plot_history(options.out / "accuracy.png", history, nn::viz::HistoryFigure::accuracy,
                        {.title = "Accuracy"});
  values["pictures"] = parts.training.size() + parts.validation.size() + parts.test.size();
  values["validation_pictures"] = parts.validation.size();
  values["test_pictures"] = parts.test.size();
  values["shape"] = parts.training.sample_shape().to_string();
  values["mirrored"] = !options.no_flip;
  values["has_errors"] = !answers.wrong.empty();
  classifier_page("own_images", options, {network, parts.training, parts.test, answers}, values)
      .write(options.out);
  std::cout << "accuracy on the test set: " << percent(accuracy) << " (" << answers.wrong.size()
            << " errors in " << parts.test.size() << " pictures)\n"
            << "model: " << options.model.string() << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
  check_expected_accuracy(options, accuracy);
}

}  // namespace example
