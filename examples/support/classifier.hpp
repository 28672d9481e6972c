/// @file
/// What the programs that recognise images share: the data, the two networks, a training that shows
/// how far it is, and the forms in which pages show networks and their errors.
#pragma once

#include <algorithm>
#include <nn/data/gzip.hpp>
#include <nn/kernels/kernels.hpp>
#include <nn/nn.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/history.hpp"
#include "support/metrics.hpp"
#include "support/page.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/text.hpp"

namespace example {

/// The training and the test set that `--dataset` names.
inline nn::TrainTest load_images(const Flags& flags) {
  if (flags.dataset == "cifar-10") {
    return nn::load_cifar10(example::dataset_folder(flags.data, "cifar-10-batches-bin"));
  }
  if (flags.dataset == "fashion-mnist") {
    return nn::load_fashion_mnist(example::dataset_folder(flags.data, "fashion-mnist"));
  }
  return nn::load_mnist(example::dataset_folder(flags.data, "mnist"));
}

/// The same, inputs with mean 0 and deviation 1 (measured on the training set); a small part of
/// them with `--quick`.
inline nn::TrainTest load_sets(const Flags& flags, bool whole = false) {
  nn::TrainTest images = load_images(flags);
  if (flags.quick && !whole) {
    images.train = images.train.slice(0, std::min<nn::Index>(images.train.size(), 6000));
    images.test = images.test.slice(0, std::min<nn::Index>(images.test.size(), 2000));
  }
  const nn::Normalization normalization = nn::normalization_of(images.train);
  images.train = images.train.with_normalization(normalization);
  images.test = images.test.with_normalization(normalization);
  return images;
}

/// What to learn from, what to choose by, and what to be judged by once, at the end.
struct ImageParts {
  nn::Dataset training;
  nn::Dataset validation;
  nn::Dataset test;
};

/// Two hidden layers: the whole image at once, without a notion of neighbouring pixels.
inline auto multilayer_perceptron(nn::Index classes) {
  return nn::sequential(nn::Flatten{}, nn::Dense{.units = 512, .initializer = nn::he_normal()},
                        nn::ReLU{}, nn::Dropout{0.2F},
                        nn::Dense{.units = 256, .initializer = nn::he_normal()}, nn::ReLU{},
                        nn::Dropout{0.2F}, nn::Dense{classes});
}

/// Two convolutions that look for the same small forms everywhere, each followed by pooling, then a
/// dense layer that judges which forms were found where.
inline auto convolutional_network(nn::Index classes) {
  const auto convolution = [](nn::Index filters) {
    return nn::Conv2D{.filters = filters, .kernel = 3, .padding = 1, .bias = false};
  };
  return nn::sequential(convolution(32), nn::BatchNorm{}, nn::ReLU{}, nn::MaxPool2D{2},
                        convolution(64), nn::BatchNorm{}, nn::ReLU{}, nn::MaxPool2D{2},
                        nn::Flatten{}, nn::Dense{.units = 128, .initializer = nn::he_normal()},
                        nn::ReLU{}, nn::Dropout{0.4F}, nn::Dense{classes});
}

/// A callback that shows how far the training is.
inline nn::Callback show(Progress& progress) {
  nn::Callback callback;
  callback.on_batch = [&progress](nn::BatchReport& report) {
    progress.update(report.step, report.mean_loss, report.accuracy);
  };
  return callback;
}

/// nn::fit with a progress bar.
template <class Model, class Loss, class Rule>
nn::History train(Model& model, const nn::Dataset& data, const Loss& loss, const Rule& rule,
                  nn::FitOptions options, const std::string& label = {}) {
  const nn::Index steps = (data.size() + options.batch_size - 1) / options.batch_size;
  Progress progress(
      options.epochs * steps,
      {.steps_per_epoch = steps, .images_per_step = options.batch_size, .label = label});
  options.callbacks.push_back(show(progress));
  nn::History history = nn::fit(model, data, loss, rule, options);
  progress.finish();
  return history;
}

/// Class probabilities for every sample: N x classes.
template <class Model>
auto probabilities(const Model& model, const nn::Dataset& data) {
  return nn::softmax_rows(nn::predict(model, data));
}

/// How many parameters a model learns.
template <class Model>
nn::Index parameter_count(const Model& model) {
  return model.parameters().size();
}

/// Multiply-adds of one forward pass for one image.
inline nn::Index multiply_adds(const nn::Plan& root) {
  nn::Index sum = 0;
  nn::Plan::for_each(root, [&](const nn::Plan& plan) { sum += plan.multiply_adds; });
  return sum;
}

/// The layers of a network as a table for a page.
inline Table network_table(const nn::Plan& root, std::string caption) {
  Table table{.caption = std::move(caption),
              .columns = {"layer", "output", "parameters", "multiply-adds"}};
  nn::Index parameters = 0;
  nn::Plan::for_each(root, [&](const nn::Plan& plan) {
    nn::Index own = 0;
    for (const nn::Variable& variable : plan.parameters) own += variable.shape.size();
    parameters += own;
    if (!plan.children.empty()) return;
    table.rows.push_back({plan.name, plan.output.to_string(), own > 0 ? thousands(own) : "",
                          plan.multiply_adds > 0 ? thousands(plan.multiply_adds) : ""});
  });
  table.rows.push_back({"together", "", thousands(parameters), thousands(multiply_adds(root))});
  table.bold_rows = {static_cast<nn::Index>(table.rows.size()) - 1};
  return table;
}

/// The epochs of a training as numbers to be read by programs.
inline Metrics history_metrics(const nn::History& history) {
  Metrics epochs = Metrics::array();
  for (const nn::EpochRecord& record : history.epochs) {
    epochs.push_back({{"epoch", record.epoch},
                      {"loss", record.loss},
                      {"accuracy", record.accuracy},
                      {"validation_loss", record.validation_loss},
                      {"validation_accuracy", record.validation_accuracy},
                      {"learning_rate", record.learning_rate},
                      {"seconds", record.seconds},
                      {"images_per_second", record.images_per_second}});
  }
  return epochs;
}

/// What it takes to repeat a run.
inline void add_facts(Page& page, const Flags& flags, const nn::Dataset& data) {
  page.fact("command", flags.command);
  page.fact("data", data.name());
  page.fact("seed", std::to_string(flags.seed));
  page.fact("threads", std::to_string(nn::threads()));
}

}  // namespace example
