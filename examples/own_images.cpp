// Trains a classifier on pictures of one's own, a folder for each class, and classifies others by
// it.

#include <nn/io/fit_rejection.hpp>
#include <nn/viz/classifier.hpp>
#include <nn/viz/heat_map.hpp>
#include <nn/viz/history.hpp>
#include <nn/viz/image_folder.hpp>

#include <iostream>

#include "support/answers.hpp"
#include "support/classifier.hpp"
#include "support/template.hpp"

namespace {

namespace fs = std::filesystem;
using nn::Dataset;
using nn::Index;
using Model = nn::Model<nn::Sequential<nn::AnyLayer>>;

struct Options : example::Flags {
  fs::path train;                     // a folder with a folder for each class
  std::vector<std::string> classify;  // pictures
  fs::path model;                     // the file of the trained model
  Index per_class = 200;              // of the data set that is written out without --train
  Index side = 0;                     // of the pictures that the network takes
  bool no_flip = false;
};

// ---- the pictures ----

/// Writes a share of a data set as pictures, a folder for each class: what the program shows when
/// there are no pictures of one's own.
fs::path write_out(const Options& options) {
  const bool photographs = options.dataset == "cifar-10";
  const Dataset data =
      photographs
          ? nn::load_cifar10(example::dataset_folder(options.data, "cifar-10-batches-bin")).train
          : nn::load_fashion_mnist(example::dataset_folder(options.data, "fashion-mnist")).train;
  const fs::path folder = options.out / "pictures" / options.dataset;
  fs::remove_all(folder);
  std::vector<Index> written(static_cast<std::size_t>(data.classes()));
  const Index wanted = options.quick ? std::min<Index>(20, options.per_class) : options.per_class;
  for (Index i = 0; i < data.size(); ++i) {
    const auto label = static_cast<std::size_t>(data.label(i));
    if (written[label]++ >= wanted) continue;
    std::string name = data.class_names()[label];
    std::replace(name.begin(), name.end(), '/', '-');
    fs::create_directories(folder / name);
    nn::viz::write_png(folder / name / (std::to_string(i) + ".png"), nn::viz::Image(data.image(i)));
  }
  std::cout << "written out as pictures, " << wanted << " a class: " << folder.string() << '\n';
  return folder;
}

/// What the network is to take: squares as large as most pictures are, but no larger than it takes
/// to tell things apart and than there is time for; grey ones where all pictures are.
struct Format {
  Index side = 32;
  bool grey = true;
};

bool is_grey(const nn::viz::Image& picture) {
  const nn::Tensor<std::uint8_t>& pixels = picture.pixels();
  for (Index i = 0; picture.channels() == 3 && i < pixels.size(); i += 3) {
    if (pixels[i] != pixels[i + 1] || pixels[i] != pixels[i + 2]) return false;
  }
  return true;
}

Format format_of(const fs::path& folder) {
  const nn::viz::ImageFolder small = nn::viz::load_image_folder(
      folder,
      {.height = 8, .width = 8, .other_sizes = nn::viz::OtherSizes::fill, .skip_unreadable = true});
  for (const nn::viz::SkippedFile& file : small.skipped) {
    std::cout << "left out: " << file.reason << '\n';
  }
  constexpr std::size_t looked_at = 200;
  const std::size_t step = 1 + small.files.size() / looked_at;
  Format format;
  std::vector<Index> sides;
  for (std::size_t i = 0; i < small.files.size(); i += step) {
    const nn::viz::Image picture = nn::viz::read_image(small.files[i]);
    sides.push_back(std::min(picture.height(), picture.width()));
    format.grey = format.grey && is_grey(picture);
  }
  std::sort(sides.begin(), sides.end());
  format.side = std::clamp<Index>(sides[sides.size() / 2] / 4 * 4, 16, 64);
  return format;
}

/// What to learn from, what to choose by, and what to be judged by once, at the end.
struct Parts {
  Dataset training;
  Dataset validation;
  Dataset test;
};

Parts load(const Options& options, const fs::path& folder) {
  const Format format = format_of(folder);
  const Index side = options.side > 0 ? options.side : format.side;
  const Dataset all = nn::viz::load_image_folder(folder, {.height = side,
                                                          .width = side,
                                                          .other_sizes = nn::viz::OtherSizes::fill,
                                                          .grey = format.grey,
                                                          .skip_unreadable = true})
                          .data;
  nn::require(all.classes() > 1, folder.string(), " has one folder, and so one class, only");
  const auto [training, validation, test] =
      nn::split(all, {0.7, 0.15, 0.15}, {.seed = options.seed});
  nn::require(!validation.empty() && !test.empty(), folder.string(), " has ", all.size(),
              " pictures, which are too few to put some aside: at least 7 a class are needed");
  const nn::Normalization normalization = nn::normalization_of(training);
  return {training.with_normalization(normalization), validation.with_normalization(normalization),
          test.with_normalization(normalization)};
}

// ---- the network ----

/// Blocks of two convolutions, each of which halves the picture, down to about 4 x 4; then the mean
/// of every channel, and the classes.
nn::Sequential<nn::AnyLayer> network_for(const Dataset& data) {
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

nn::Augmentation augmentation_for(const Options& options, Index side) {
  std::vector<nn::Augmentation> steps{
      nn::RandomAffine{.rotation = 10, .scale = 0.1, .border = nn::Border::reflect},
      nn::RandomShift{.pixels = std::max<Index>(1, side / 12), .border = nn::Border::reflect},
      nn::RandomBrightnessContrast{.brightness = 0.1, .contrast = 0.2}};
  if (!options.no_flip) steps.emplace_back(nn::RandomFlip{});
  return [steps](nn::TensorView<float> image, nn::ImageContext& context) {
    for (const nn::Augmentation& step : steps) step(image, context);
  };
}

/// The fewer pictures, the more passes over them: some 2000 steps, within bounds.
Index epochs_for(const Options& options, const Dataset& training, Index batch_size) {
  if (options.epochs > 0) return options.epochs;
  if (options.quick) return 12;
  const Index steps = (training.size() + batch_size - 1) / batch_size;
  return std::clamp<Index>(2000 / steps, 8, 60);
}

nn::History learn(Model& model, const Options& options, const Parts& parts) {
  const Index batch_size = std::clamp<Index>(parts.training.size() / 8, 8, 64);
  const Index epochs = epochs_for(options, parts.training, batch_size);
  return example::train(
      model, parts.training, nn::SoftmaxCrossEntropy{.label_smoothing = 0.05},
      nn::AdamW{.learning_rate = 0.004F, .weight_decay = 0.01F},
      {.epochs = epochs,
       .batch_size = batch_size,
       .seed = options.seed,
       .validation = &parts.validation,
       .schedule = nn::one_cycle_schedule(),
       .early_stopping = {.patience = std::max<Index>(6, epochs / 3)},
       .augmentation = augmentation_for(options, parts.training.sample_shape()[0])});
}

// ---- the page ----

/// Draws everything, and writes the page of examples/pages/own_images.md.
void write_page(const Options& options, const Model& model, const Parts& parts,
                const nn::History& history, const example::Answers& answers,
                const example::Metrics& metrics) {
  example::draw_examples(options.out, parts.training);
  nn::viz::plot_history(options.out / "loss.png", history, nn::viz::HistoryFigure::loss,
                        {.title = "Loss (mean cross-entropy)", .y = {.label = "loss", .min = 0.0}});
  nn::viz::plot_history(options.out / "accuracy.png", history, nn::viz::HistoryFigure::accuracy,
                        {.title = "Accuracy"});
  nn::viz::plot_confusion_matrix(options.out / "confusion.png", answers.confusion.counts(),
                                 parts.test.class_names());
  example::Metrics values = metrics;
  values["pictures"] = parts.training.size() + parts.validation.size() + parts.test.size();
  values["validation_pictures"] = parts.validation.size();
  values["test_pictures"] = parts.test.size();
  values["shape"] = parts.training.sample_shape().to_string();
  values["mirrored"] = !options.no_flip;
  values["shown_errors"] = example::draw_worst(options.out, parts.test, answers);
  values["has_errors"] = !answers.wrong.empty();
  example::Page page = example::page_of(
      "own_images", values,
      {{"layers",
        example::network_table(model.plan(), "The layers, from the input to the output.")},
       {"classes", example::rates_table(parts.test, answers)}});
  example::add_facts(page, options, parts.training);
  page.write(options.out);
}

// ---- the two uses ----

void train(const Options& options) {
  const fs::path folder = options.train.empty() ? write_out(options) : options.train;
  const Parts parts = load(options, folder);
  Model model(network_for(parts.training), parts.training.sample_shape(), {.seed = options.seed});
  std::cout << nn::summary(model);
  const nn::History history = learn(model, options, parts);
  const example::Answers answers =
      example::answers_of(example::probabilities(model, parts.test), parts.test);
  const double accuracy = answers.confusion.accuracy();

  nn::ModelInfo about = nn::info_of(parts.training);
  about.rejection = nn::fit_rejection(model, parts.training, parts.validation, {.share = 0.05});
  about.metrics = {{"test_accuracy", accuracy},
                   {"validation_accuracy", nn::accuracy(model, parts.validation)}};
  about.provenance = {{"data", parts.training.name()},
                      {"training pictures", std::to_string(parts.training.size())},
                      {"seed", std::to_string(options.seed)}};
  nn::save(model, options.model, {.about = about});

  example::Metrics metrics;
  metrics["test_accuracy"] = accuracy;
  metrics["classes"] = parts.test.classes();
  metrics["training_pictures"] = parts.training.size();
  metrics["train_seconds"] = history.seconds();
  metrics["history"] = example::history_metrics(history);
  example::write_metrics(options.out, metrics);
  write_page(options, model, parts, history, answers, metrics);
  std::cout << "accuracy on the test set: " << example::percent(accuracy) << " ("
            << answers.wrong.size() << " errors in " << parts.test.size() << " pictures)\n"
            << "model: " << options.model.string() << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
  example::check_expected_accuracy(options, accuracy);
}

void classify(const Options& options) {
  const nn::Classifier classifier(options.model);
  std::size_t refused = 0;
  for (const std::string& file : options.classify) {
    try {
      const nn::Classification answer = classifier.classify(file);
      std::cout << file << ": " << answer.name << ", " << example::percent(answer.probability)
                << (answer.doubt.empty() ? "" : " (" + answer.doubt + ")") << '\n';
    } catch (const nn::Error& error) {
      std::cerr << error.what() << '\n';
      ++refused;
    }
  }
  nn::require(refused == 0, refused, " of ", options.classify.size(),
              " pictures could not be classified");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.dataset = "fashion-mnist";
  example::CommandLine line("own_images",
                            "Trains a classifier on folders of pictures, and classifies others.",
                            options, {.accuracy = true});
  line.flag("--train", options.train, "a folder that holds a folder of pictures for each class");
  line.flag("--classify", options.classify, "pictures (PNG, JPEG) to classify by --model");
  line.flag("--model", options.model, "the model's file (--out/model.safetensors)");
  line.choice("--dataset", options.dataset, {"fashion-mnist", "cifar-10"},
              "without --train: images that are written out as folders of pictures");
  line.flag("--per-class", options.per_class, "how many of these for each class");
  line.flag("--side", options.side, "height and width to bring pictures to (0: as most have)");
  line.flag("--epochs", options.epochs, "at most so many epochs (0: the fewer pictures, the more)");
  line.flag("--no-flip", options.no_flip, "for pictures that mean something else mirrored");
  return example::run_program(line, argc, argv, [&] {
    if (options.model.empty()) options.model = options.out / "model.safetensors";
    options.classify.empty() ? train(options) : classify(options);
  });
}
