// Trains a classifier on pictures of one's own, a folder for each class, and classifies others by
// it.

#include <nn/io/fit_rejection.hpp>
#include <nn/viz/classifier.hpp>
#include <nn/viz/image_folder.hpp>

#include <iostream>

#include "support/each_file.hpp"
#include "support/own_pictures.hpp"

namespace {

using example::ImageParts;
using nn::Index;
using Options = example::OwnOptions;

/// What to learn from, what to choose by, and what to be judged by once, at the end.
ImageParts load(const Options& options) {
  // Squares as large as most pictures are; grey where all are.
  const nn::viz::ImageFolder pictures =
      nn::viz::load_image_folder(pictures_of(options), {.height = options.side,
                                                        .width = options.side,
                                                        .other_sizes = nn::viz::OtherSizes::fill,
                                                        .choose_format = true,
                                                        .skip_unreadable = true});
  for (const auto& file : pictures.skipped) std::cout << "left out: " << file.reason << '\n';
  const nn::Dataset& all = pictures.data;
  nn::require(all.classes() > 1, all.name(), " has one folder, and so one class, only");
  const auto [training, validation, test] =
      nn::split(all, {0.7, 0.15, 0.15}, {.seed = options.seed});
  nn::require(!validation.empty() && !test.empty(), all.name(), " has ", all.size(),
              " pictures, which are too few to put some aside: at least 7 a class are needed");
  const nn::Normalization normalization = nn::normalization_of(training);
  return {training.with_normalization(normalization), validation.with_normalization(normalization),
          test.with_normalization(normalization)};
}

/// Blocks of two convolutions, each of which halves the picture, down to about 4 x 4; then the mean
/// of every channel, and the classes.
nn::Sequential<nn::AnyLayer> network_for(const nn::Dataset& data) {
  nn::Sequential<nn::AnyLayer> network;
  Index width = 24;
  for (Index side = data.sample_shape()[0]; side >= 7; side /= 2) {
    for (int i = 0; i < 2; ++i) {
      network.push_back(nn::Conv2D{.filters = width, .kernel = 3, .padding = 1, .bias = false});
      if (i == 0) network.push_back(nn::MaxPool2D{2});
      network.push_back(nn::BatchNorm{});
      network.push_back(nn::ReLU{});
    }
    width = std::min<Index>(2 * width, 128);
  }
  network.push_back(nn::GlobalAveragePool2D{});
  network.push_back(nn::Dropout{0.2F});
  network.push_back(nn::Dense{data.classes()});
  return network;
}

void train(const Options& options) {
  const ImageParts parts = load(options);
  nn::Model model(network_for(parts.training), parts.training.sample_shape(),
                  {.seed = options.seed});
  std::cout << nn::summary(model);

  // The fewer pictures, the more passes over them: some 2000 steps, in 20 to 60 epochs. Each time
  // they are turned, moved and lit a little differently, so that few of them go further.
  const Index batch_size = std::clamp<Index>(parts.training.size() / 8, 8, 64);
  const Index steps = (parts.training.size() + batch_size - 1) / batch_size;
  const Index usual = options.quick ? 12 : std::clamp<Index>(2000 / steps, 20, 60);
  const Index epochs = options.epochs > 0 ? options.epochs : usual;
  const Index shift = std::max<Index>(1, parts.training.sample_shape()[0] / 12);
  const nn::History history =
      nn::fit(model, parts.training, nn::SoftmaxCrossEntropy{.label_smoothing = 0.05},
              nn::AdamW{.learning_rate = 0.004F, .weight_decay = 0.01F},
              {.epochs = epochs,
               .batch_size = batch_size,
               .seed = options.seed,
               .validation = &parts.validation,
               .schedule = nn::one_cycle_schedule(),
               .early_stopping = {.patience = std::max<Index>(6, epochs / 3)},
               .augmentation = nn::compose(
                   nn::RandomAffine{.rotation = 10, .scale = 0.1, .border = nn::Border::reflect},
                   nn::RandomShift{.pixels = shift, .border = nn::Border::reflect},
                   nn::RandomBrightnessContrast{.brightness = 0.1, .contrast = 0.2},
                   nn::RandomFlip{.probability = options.no_flip ? 0 : 0.5}),
               .callbacks = {nn::print_progress(std::cout)}});

  // One file says how pictures are prepared, what the classes are, and when an answer is none.
  const auto answers = example::answers_of(example::probabilities(model, parts.test), parts.test);
  nn::ModelInfo about = nn::info_of(parts.training);
  about.rejection = nn::fit_rejection(model, parts.training, parts.validation, {.share = 0.05});
  about.metrics = {{"test_accuracy", answers.confusion.accuracy()},
                   {"validation_accuracy", nn::accuracy(model, parts.validation)}};
  about.provenance = {{"data", parts.training.name()},
                      {"training pictures", std::to_string(parts.training.size())},
                      {"seed", std::to_string(options.seed)}};
  nn::save(model, options.model, {.about = about});
  write_page(options, {model.plan(), parts, history, answers});
}

void classify(const Options& options) {
  const nn::Classifier classifier(options.model);
  const Index refused = example::refused_of(options.classify, [&](const std::string& file) {
    const nn::Classification answer = classifier.classify(file);
    std::cout << file << ": " << answer.name << ", " << example::percent(answer.probability)
              << (answer.doubt.empty() ? "" : " (" + answer.doubt + ")") << '\n';
  });
  nn::require(refused == 0, refused, " of ", options.classify.size(),
              " pictures could not be classified");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return example::run_own_images(
      argc, argv, options, [&] { options.classify.empty() ? train(options) : classify(options); });
}
