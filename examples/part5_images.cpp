// Part 5: digits, clothes and photographs, as well as two processor cores can learn them.

#include <nn/distributed/shared_batches.hpp>
#include <nn/io/safetensors.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/heat_map.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/plot.hpp>
#include <nn/viz/probabilities.hpp>

#include <iostream>
#include <sstream>

#include "ranks/ranks.hpp"
#include "support/answers.hpp"
#include "support/any_picture.hpp"
#include "support/classifier.hpp"
#include "support/doubt.hpp"
#include "support/files.hpp"
#include "support/jpeg_trace.hpp"
#include "support/recipes.hpp"

namespace {

using example::Answers;
using example::Recipe;
using nn::Dataset;
using nn::Index;
using nn::Label;
using nn::Tensor;
using Model = nn::Model<nn::Sequential<nn::AnyLayer>>;

struct Options : example::Flags {
  std::string recipe = "fast";
  bool resume = false;
  std::vector<std::string> weights;
  std::vector<std::string> classify;
  std::shared_ptr<nn::Communicator> world;  ///< the processes that train together, if any
};

// ---- the images ----

/// What to learn from, what to choose by, and what to be judged by once, at the end.
struct Bases {
  Dataset learning;
  Dataset validation;
  Dataset test;
};

nn::TrainTest load_images(const Options& options) {
  if (options.dataset == "mnist")
    return nn::load_mnist(example::dataset_folder(options.data, "mnist"));
  if (options.dataset == "fashion-mnist") {
    return nn::load_fashion_mnist(example::dataset_folder(options.data, "fashion-mnist"));
  }
  return nn::load_cifar10(example::dataset_folder(options.data, "cifar-10-batches-bin"));
}

/// 5,000 images of the learning base become the validation base; with --quick all is a small part.
Bases load(const Options& options, const Recipe& recipe) {
  nn::TrainTest base = load_images(options);
  Index held_out = 5000;
  if (options.quick) {
    const Index size = recipe.name == "best" ? 1200 : 5000;
    base.train = base.train.slice(0, std::min(size, base.train.size()));
    base.test = base.test.slice(0, std::min(size / 4, base.test.size()));
    held_out = size / 5;
  }
  const double share = static_cast<double>(held_out) / static_cast<double>(base.train.size());
  auto [learning, validation] = nn::split(base.train, {1 - share, share}, {.seed = options.seed});
  const nn::Normalization normalization = nn::normalization_of(learning);
  return {learning.with_normalization(normalization), validation.with_normalization(normalization),
          base.test.with_normalization(normalization)};
}

/// The SHA-256 of all images and labels that the network was made from.
std::string checksum_of(const Bases& bases) {
  std::string bytes;
  for (const Dataset* part : {&bases.learning, &bases.validation}) {
    for (Index i = 0; i < part->size(); ++i) {
      bytes.append(part->image(i).begin(), part->image(i).end());
      bytes += static_cast<char>(part->label(i));
    }
  }
  return nn::sha256(bytes);
}

// ---- learning ----

/// How far the network was at one moment of the training.
struct Moment {
  double epoch = 0;
  double seconds = 0;  ///< of learning, without what it takes to measure
  double cost = 0;     ///< the mean over the learning batches since the moment before
  double validation_cost = 0;
  double validation_rate = 0;
};

/// Measures the network, as it is, at some thirty moments of a training on a part of the validation
/// base: the curves of a recipe that may have no more than one epoch.
class Watch {
 public:
  Watch(const Model& model, const Dataset& validation, const nn::SoftmaxCrossEntropy& loss,
        Index batch_size)
      : model_(model),
        sample_(validation.slice(0, std::min<Index>(1000, validation.size()))),
        loss_(loss),
        batch_size_(batch_size) {}

  [[nodiscard]] nn::Callback callback() {
    nn::Callback callback;
    callback.on_batch = [this](nn::BatchReport& report) {
      if (batches_ == 0 && seen_.empty()) epochs_before_ = report.epoch - 1;
      sum_ += report.loss;
      ++batches_;
      const Index steps = report.epochs * report.batches;
      const bool due = report.step * moments / steps > (report.step - 1) * moments / steps;
      if (due) measure(report);
    };
    callback.on_epoch = [this](nn::EpochReport& report) { before_ += report.record.seconds; };
    return callback;
  }

  /// All moments of a training. Of the epochs before a resumed one began to be watched, only the
  /// history tells.
  [[nodiscard]] std::vector<Moment> seen(const nn::History& history) const {
    const auto before =
        seen_.empty() ? history.epochs.size() : static_cast<std::size_t>(epochs_before_);
    std::vector<Moment> all;
    double seconds = 0;
    for (std::size_t i = 0; i < before; ++i) {
      const nn::EpochRecord& record = history.epochs[i];
      seconds += record.seconds;
      all.push_back({static_cast<double>(record.epoch), seconds, record.loss,
                     record.validation_loss, record.validation_accuracy});
    }
    for (Moment moment : seen_) {
      moment.seconds += seconds;
      all.push_back(moment);
    }
    return all;
  }

 private:
  static constexpr Index moments = 30;

  void measure(const nn::BatchReport& report) {
    const auto images = static_cast<double>(report.batch * batch_size_);
    const nn::Evaluation now = nn::evaluate(model_, sample_, loss_);
    seen_.push_back({static_cast<double>(report.step) / static_cast<double>(report.batches),
                     before_ + images / report.images_per_second,
                     sum_ / static_cast<double>(batches_), now.loss, now.accuracy});
    sum_ = 0;
    batches_ = 0;
  }

  const Model& model_;
  Dataset sample_;
  const nn::SoftmaxCrossEntropy& loss_;
  Index batch_size_;
  std::vector<Moment> seen_;
  Index epochs_before_ = 0;  // that were over when the watching began
  double before_ = 0;        // seconds of the epochs that are over and were watched
  double sum_ = 0;
  Index batches_ = 0;
};

struct Training {
  nn::History history;
  std::vector<Moment> moments;
};

/// Whether this process is the one that writes files: rank 0, if several train together.
bool is_first(const Options& options) { return !options.world || options.world->rank() == 0; }

Index epochs_of(const Options& options, const Recipe& recipe) {
  if (options.epochs > 0) return options.epochs;
  return options.quick ? std::min<Index>(2, recipe.epochs) : recipe.epochs;
}

Training train(Model& model, const Options& options, const Recipe& recipe, const Bases& bases) {
  example::prepare(model, recipe, bases.learning);
  const nn::SoftmaxCrossEntropy loss{.label_smoothing = recipe.label_smoothing};
  nn::Optimizer optimizer(model,
                          nn::SGD{.learning_rate = recipe.learning_rate,
                                  .momentum = example::recipe_momentum,
                                  .nesterov = true,
                                  .weight_decay = recipe.weight_decay},
                          example::parameter_groups(model, recipe));
  nn::FitOptions fitting;
  fitting.epochs = epochs_of(options, recipe);
  fitting.batch_size = std::min(recipe.batch_size, bases.learning.size() / 4);
  fitting.seed = options.seed;
  fitting.validation = &bases.validation;
  fitting.schedule =
      nn::one_cycle_schedule({.warm_up = recipe.warm_up, .first = 0.2, .last = 0.01});
  fitting.average_decay = recipe.average_decay;
  fitting.drop_last = true;  // a small last batch would count as much as any other
  fitting.augmentation = example::augmentation_of(recipe.augmentation);
  const std::filesystem::path checkpoint = options.out / "training.checkpoint";
  if (!options.resume && is_first(options)) std::filesystem::remove(checkpoint);
  fitting.checkpoint = checkpoint;
  if (options.world) fitting.communicator = options.world.get();
  Watch watch(model, bases.validation, loss, fitting.batch_size);
  const Index steps = bases.learning.size() / fitting.batch_size;
  example::Progress progress(fitting.epochs * steps,
                             {.steps_per_epoch = steps, .images_per_step = fitting.batch_size});
  fitting.callbacks = {example::show(progress), watch.callback()};
  Training training;
  training.history = nn::fit(model, bases.learning, loss, optimizer, fitting);
  if (is_first(options)) progress.finish();
  training.moments = watch.seen(training.history);
  return training;
}

// ---- answering ----

/// One way of answering, and how good it is on the validation base.
struct Choice {
  nn::ViewOptions views{};
  double validation_rate = 0;
};

std::string words_of(const nn::ViewOptions& views) {
  const std::string moved = ", and moved by " + example::counted(views.shift, "pixel");
  if (!views.flip) return views.shift > 0 ? "three views: as it is" + moved : "one view: as it is";
  return views.shift > 0 ? "six views: as it is and mirrored" + moved
                         : "two views: as it is and mirrored";
}

std::vector<Choice> measure_choices(const Model& model, const Recipe& recipe,
                                    const Dataset& validation) {
  std::vector<Choice> choices;
  for (const nn::ViewOptions& views : example::view_choices(recipe)) {
    const Tensor<float> outputs = nn::predict_views(model, validation, views);
    choices.push_back({views, nn::accuracy(outputs, validation.labels())});
  }
  return choices;
}

/// The best on the validation base; of equal ones the first, which is the quicker.
const Choice& best_of(const std::vector<Choice>& choices) {
  return *std::max_element(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return a.validation_rate < b.validation_rate;
  });
}

// ---- pictures ----

/// Ten images, of all classes, to show what augmentation does to them.
std::vector<Index> one_of_each_class(const Dataset& data) {
  std::vector<Index> result;
  for (Label label = 0; label < data.classes(); ++label) {
    for (Index i = 0; i < data.size(); ++i) {
      if (data.label(i) != label) continue;
      result.push_back(i);
      break;
    }
  }
  return result;
}

/// All that the library can do to images; the last row is what this recipe does.
std::vector<std::pair<std::string, nn::Augmentation>> augmentations(const Recipe& recipe) {
  return {{"as it is", {}},
          {"shift", nn::RandomShift{.pixels = 4}},
          {"shift, reflected", nn::RandomShift{.pixels = 4, .border = nn::Border::reflect}},
          {"flip", nn::RandomFlip{}},
          {"rotation", nn::RandomAffine{.rotation = 25}},
          {"scale", nn::RandomAffine{.scale = 0.3}},
          {"shear", nn::RandomAffine{.shear = 0.4}},
          {"elastic", nn::ElasticDistortion{}},
          {"cutout", nn::Cutout{.size = 10}},
          {"light, contrast", nn::RandomBrightnessContrast{.brightness = 0.2, .contrast = 0.5}},
          {"this recipe", example::augmentation_of(recipe.augmentation)}};
}

/// The images in [0, 1], one after another.
Tensor<float> in_unit_range(const Dataset& data) {
  return data.with_normalization({}).inputs<float>();
}

void draw_augmentations(const Options& options, const Recipe& recipe, const Dataset& data) {
  const Dataset shown = data.subset(one_of_each_class(data));
  std::vector<nn::viz::Image> images;
  std::vector<std::string> titles;
  const auto add = [&](const std::string& title, const Tensor<float>& batch) {
    titles.push_back(title);
    for (const nn::viz::Image& image : nn::viz::to_images(batch, nn::viz::ValueRange{0, 1})) {
      images.push_back(image);
    }
  };
  nn::ImageContext context;
  for (const auto& [title, augmentation] : augmentations(recipe)) {
    Tensor<float> batch = in_unit_range(shown);
    for (Index i = 0; i < shown.size() && augmentation; ++i) {
      context.begin(options.seed, 1, i);
      augmentation(batch.sample(i), context);
    }
    add(title, batch);
  }
  const auto mix = [&](const std::string& title, const auto& mixing) {
    nn::BatchBuffer<float> buffer;
    buffer.inputs = in_unit_range(shown);
    buffer.labels = Tensor<Label>(shown.labels());
    buffer.classes = shown.classes();
    nn::Random random(options.seed, 17U);
    mixing(buffer, random);
    add(title, buffer.inputs);
  };
  mix("mixup", nn::MixUp{.alpha = 4});
  mix("cutmix", nn::CutMix{.alpha = 4});
  nn::viz::write_png(options.out / "augmentations.png",
                     nn::viz::image_grid(images, shown.size(), {.scale = 3, .row_titles = titles}));
}

void draw_curves(const Options& options, const std::vector<Moment>& moments) {
  std::vector<double> epochs;
  std::vector<double> seconds;
  std::vector<double> cost;
  std::vector<double> validation_cost;
  std::vector<double> rate;
  for (const Moment& moment : moments) {
    epochs.push_back(moment.epoch);
    seconds.push_back(moment.seconds);
    cost.push_back(moment.cost);
    validation_cost.push_back(moment.validation_cost);
    rate.push_back(moment.validation_rate);
  }
  nn::viz::plot_curves(options.out / "cost.png",
                       {{.name = "learning base", .x = epochs, .y = cost},
                        {.name = "validation base", .x = epochs, .y = validation_cost}},
                       {.title = "Cost (mean cross-entropy)",
                        .x = {.label = "epoch", .min = 0.0},
                        .y = {.label = "cost", .min = 0.0}});
  nn::viz::plot_curves(options.out / "rate_per_second.png",
                       {{.name = "validation base", .x = seconds, .y = rate}},
                       {.title = "Recognition rate against time",
                        .x = {.label = "seconds of learning", .min = 0.0},
                        .y = {.label = "images recognised", .percent = true}});
}

/// The filters of the first convolution: black for the lowest weight, white for the highest.
void draw_filters(const Options& options, const Model& model) {
  const nn::TensorView<const float> weights = model.parameter("0.weight");
  const Index filters = weights.shape().back();
  std::vector<nn::viz::Image> images;
  for (Index f = 0; f < filters; ++f) {
    Tensor<float> filter({weights.shape()[0], weights.shape()[1], weights.shape()[2]});
    float largest = 0;
    for (Index i = 0; i < filter.size(); ++i) {
      filter[i] = weights[i * filters + f];
      largest = std::max(largest, std::abs(filter[i]));
    }
    images.push_back(nn::viz::to_image(filter, nn::viz::ValueRange{-largest, largest}));
  }
  nn::viz::write_png(options.out / "filters.png",
                     nn::viz::image_grid(images, 12, {.scale = weights.shape()[0] > 3 ? 12 : 20}));
}

/// The activations that are drawn as feature maps: the first, and the last at each size of image.
std::vector<const nn::Plan*> drawn_layers(const nn::Plan& root) {
  std::vector<const nn::Plan*> layers;
  for (const nn::Plan& layer : root.children) {
    const bool activation = layer.name.starts_with("ReLU") || layer.name.starts_with("GELU");
    if (!activation || layer.output.rank() != 3) continue;
    if (layers.size() > 1 && layers.back()->output == layer.output) layers.pop_back();
    layers.push_back(&layer);
  }
  return layers;
}

/// What one image becomes inside the network: the image, then the channels that it moves most.
void draw_features(const Options& options, const Model& model, const Dataset& one) {
  constexpr std::size_t columns = 12;
  std::vector<nn::viz::Image> images;
  std::vector<std::string> titles;
  const Index side = one.sample_shape()[0];
  for (const nn::Plan* layer : drawn_layers(model.plan())) {
    const Tensor<float> maps = nn::features(model, one, layer->path);
    const Index channels = layer->output.back();
    std::vector<std::pair<float, Index>> strongest;
    for (Index c = 0; c < channels; ++c) {
      float sum = 0;
      for (Index i = c; i < maps.size(); i += channels) sum += std::abs(maps[i]);
      strongest.emplace_back(-sum, c);
    }
    std::sort(strongest.begin(), strongest.end());
    titles.push_back(layer->output.to_string());
    images.push_back(example::picture_of(one, 0));
    for (std::size_t k = 0; k + 1 < columns; ++k) {
      Tensor<float> map({layer->output[0], layer->output[1]});
      const Index c = strongest[std::min(k, strongest.size() - 1)].second;
      for (Index i = 0; i < map.size(); ++i) map[i] = maps[i * channels + c];
      images.push_back(
          nn::viz::resized(nn::viz::to_image(map), side, side, nn::viz::Resampling::nearest));
    }
  }
  nn::viz::write_png(options.out / "features.png",
                     nn::viz::image_grid(images, columns, {.scale = 3, .row_titles = titles}));
}

/// Where a network looks: how much the probability of `label` falls when a grey square hides a part
/// of the image, as the mean over all squares that hide a pixel (Zeiler and Fergus, "Visualizing
/// and understanding convolutional networks", 2014, section 4.2).
Tensor<float> occlusion_map(const Model& model, const Dataset& one, Label label) {
  const nn::Shape& shape = one.sample_shape();
  const Index square = shape[0] / 4;
  constexpr Index stride = 2;
  const Index rows = (shape[0] - square) / stride + 1;
  const Index columns = (shape[1] - square) / stride + 1;
  Tensor<std::uint8_t> hidden(shape.prepended(rows * columns + 1));
  const auto for_each_pixel = [&](Index place, const auto& visit) {
    const Index top = place / columns * stride;
    const Index left = place % columns * stride;
    for (Index y = top; y < top + square; ++y) {
      for (Index x = left; x < left + square; ++x) visit(y, x);
    }
  };
  for (Index place = 0; place <= rows * columns; ++place) {
    const auto image = hidden.sample(place);
    std::copy(one.image(0).begin(), one.image(0).end(), image.begin());
    if (place == rows * columns) continue;  // the last one is left as it is
    for_each_pixel(place, [&](Index y, Index x) {
      for (Index c = 0; c < shape[2]; ++c) {
        image(y, x, c) = one.normalization().to_byte(0, c);  // the mean colour
      }
    });
  }
  const Dataset views(std::move(hidden),
                      std::vector<Label>(static_cast<std::size_t>(rows * columns + 1), label),
                      one.class_names());
  const Tensor<float> probabilities =
      example::probabilities(model, views.with_normalization(one.normalization()));
  Tensor<float> fall({shape[0], shape[1]});
  Tensor<float> times({shape[0], shape[1]});
  for (Index place = 0; place < rows * columns; ++place) {
    const float lost = probabilities(rows * columns, label) - probabilities(place, label);
    for_each_pixel(place, [&](Index y, Index x) {
      fall(y, x) += lost;
      times(y, x) += 1;
    });
  }
  for (Index i = 0; i < fall.size(); ++i) fall[i] = times[i] > 0 ? fall[i] / times[i] : 0.0F;
  return fall;
}

void draw_attention(const Options& options, const Model& model, const Dataset& test,
                    const std::vector<Index>& which) {
  std::vector<nn::viz::Image> pictures;
  std::vector<nn::viz::Image> maps;
  for (const Index i : which) {
    const Tensor<float> fall = occlusion_map(model, test.slice(i, 1), test.label(i));
    const float most = std::max(0.02F, nn::viz::value_range(fall).high);
    pictures.push_back(example::picture_of(test, i));
    maps.push_back(nn::viz::colour_map(fall, nn::viz::ValueRange{0, most}));
  }
  const auto columns = static_cast<Index>(pictures.size());
  pictures.insert(pictures.end(), maps.begin(), maps.end());
  nn::viz::write_png(options.out / "attention.png",
                     nn::viz::image_grid(pictures, columns, {.scale = 4}));
}

// ---- the weights ----

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

std::vector<std::string> parted(const std::string& text) {
  std::vector<std::string> names;
  std::stringstream in(text);
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  return names;
}

std::string numbers(const std::vector<double>& values) {
  return nn::number_list(std::span<const double>(values));
}

/// A network that was trained before, and what there is to know of it to use it again.
struct Trained {
  Model model;
  std::string dataset;
  std::vector<std::string> class_names;
  nn::Normalization normalization;
  nn::ViewOptions views;
  double test_accuracy;  ///< as it was measured when it was trained
};

/// A byte a weight, which makes the file a quarter as large.
constexpr nn::ElementType stored_type = nn::ElementType::i8;

void save(const Options& options, const Recipe& recipe, const Model& model, const Bases& bases,
          const nn::Metadata& rates, const nn::ViewOptions& views) {
  nn::Metadata metadata = rates;
  metadata["dataset"] = options.dataset;
  metadata["recipe"] = recipe.name;
  metadata["seed"] = std::to_string(options.seed);
  metadata["epochs"] = std::to_string(epochs_of(options, recipe));
  metadata["data_sha256"] = checksum_of(bases);
  metadata["class_names"] = joined(bases.learning.class_names());
  metadata["mean"] = numbers(bases.learning.normalization().mean);
  metadata["deviation"] = numbers(bases.learning.normalization().deviation);
  metadata["views_flip"] = views.flip ? "1" : "0";
  metadata["views_shift"] = std::to_string(views.shift);
  // The same for programs that know the network by this file alone (nn::Classifier).
  nn::ModelInfo about = nn::info_of(bases.learning);
  about.picture = example::picture_kind(options.dataset);
  about.views = views;
  about.rejection.least_probability = example::least_probability;
  about.rejection.least_margin = example::least_margin;
  for (const auto& [name, rate] : rates) about.metrics[name] = std::stod(rate);
  for (const char* key : {"dataset", "recipe", "seed", "epochs", "data_sha256"}) {
    about.provenance[key] = metadata[key];
  }
  nn::save(model, options.out / "weights.safetensors",
           {.metadata = metadata, .type = stored_type, .about = about});
}

nn::Shape shape_of(const std::string& dataset) {
  return dataset == "cifar-10" ? nn::Shape{32, 32, 3} : nn::Shape{28, 28, 1};
}

/// A network and what goes with it, as `save` wrote them.
Trained load_weights(const std::filesystem::path& file) {
  const nn::SafetensorsFile stored = nn::SafetensorsFile::read(file);
  const auto value = [&](const std::string& key) {
    const auto found = stored.metadata.find(key);
    nn::require<nn::FileError>(found != stored.metadata.end(), file.string(),
                               ": these are not weights that part5_images wrote: they do not say '",
                               key, "'");
    return found->second;
  };
  const std::string dataset = value("dataset");
  const nn::Shape shape = shape_of(dataset);
  const std::vector<std::string> names = parted(value("class_names"));
  const Recipe& recipe = example::find_recipe(dataset, value("recipe"));
  Trained trained{
      .model = {example::network_of(recipe, shape, static_cast<Index>(names.size())), shape},
      .dataset = dataset,
      .class_names = names,
      .normalization = {nn::parse_number_list<double>(value("mean"), shape.back(), "mean"),
                        nn::parse_number_list<double>(value("deviation"), shape.back(),
                                                      "deviation")},
      .views = {.flip = value("views_flip") == "1",
                .shift = value("views_shift") == "0" ? Index{0} : Index{1}},
      .test_accuracy =
          nn::parse_number_list<double>(value("test_accuracy"), 1, "test_accuracy").front()};
  trained.normalization.check(shape.back());
  nn::load(trained.model, file);
  return trained;
}

/// All networks of --weights, for images of one data set.
std::vector<Trained> load_networks(const Options& options) {
  std::vector<Trained> networks;
  for (const std::string& file : options.weights) {
    networks.push_back(load_weights(example::find_file(file)));
    nn::require(networks.back().dataset == networks.front().dataset, file, " is for images of ",
                networks.back().dataset, ", ", options.weights.front(), " for those of ",
                networks.front().dataset, "; they cannot answer together");
  }
  return networks;
}

/// N x classes logits of each network.
std::vector<Tensor<float>> logits_of(const std::vector<Trained>& networks, const Dataset& data) {
  std::vector<Tensor<float>> logits;
  for (const Trained& network : networks) {
    logits.push_back(nn::predict_views(
        network.model, data.with_normalization(network.normalization), network.views));
  }
  return logits;
}

// ---- measuring networks again ----

/// What --weights without --classify does.
void measure_again(Options options) {
  const std::vector<Trained> networks = load_networks(options);
  options.dataset = networks.front().dataset;
  const Dataset test = load_images(options).test;
  const std::vector<Tensor<float>> logits = logits_of(networks, test);
  double rate = 0;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    rate = nn::accuracy(logits[i], test.labels());
    std::cout << options.weights[i] << ": " << example::percent(rate) << " of the test base ("
              << example::percent(networks[i].test_accuracy) << " when it was trained)\n";
  }
  if (networks.size() > 1) {
    rate = nn::accuracy(nn::mean_probabilities<float>(logits), test.labels());
    std::cout << "together, by the mean of their probabilities: " << example::percent(rate) << '\n';
  }
  example::check_expected_accuracy(options, rate);
}

// ---- classifying pictures ----

/// The three likeliest classes with their probabilities.
std::string likeliest(nn::TensorView<const float> row, const std::vector<std::string>& names) {
  std::vector<Index> order(names.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return row[a] > row[b]; });
  std::string text;
  for (std::size_t k = 0; k < std::min<std::size_t>(3, order.size()); ++k) {
    text += (k > 0 ? ", " : "") + names[static_cast<std::size_t>(order[k])] + " " +
            example::percent(row[order[k]], 1);
  }
  return text;
}

/// The answers have been given: without gnuplot, the picture of them is all that is missing.
void draw_answers(const std::filesystem::path& file,
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

void classify(const Options& options) {
  const std::vector<Trained> networks = load_networks(options);
  const std::vector<std::string>& class_names = networks.front().class_names;
  const nn::Shape& shape = networks.front().model.input_shape();
  std::vector<std::string> names;
  std::vector<nn::viz::Image> originals;
  std::vector<nn::viz::PreparedPicture> prepared;
  Index refused = 0;
  for (const std::string& file : options.classify) {
    try {
      const nn::viz::Image picture = nn::viz::read_image(file);
      prepared.push_back(example::prepare_picture(picture, networks.front().dataset, shape));
      originals.push_back(picture);
      names.push_back(file);
    } catch (const nn::Error& error) {
      const std::string reason = error.what();
      const bool named = reason.find(file) != std::string::npos;
      std::cerr << (named ? "" : file + ": ") << reason << '\n';
      ++refused;
    }
  }
  if (!prepared.empty()) {
    Tensor<std::uint8_t> pixels(shape.prepended(static_cast<Index>(prepared.size())));
    for (std::size_t i = 0; i < prepared.size(); ++i) {
      const Tensor<std::uint8_t>& from = prepared[i].image.pixels();
      std::copy(from.begin(), from.end(), pixels.sample(static_cast<Index>(i)).begin());
    }
    const Dataset data(std::move(pixels), std::vector<Label>(prepared.size(), 0), class_names,
                       "pictures");
    const Tensor<float> probabilities = nn::mean_probabilities<float>(logits_of(networks, data));
    std::vector<nn::viz::Prediction> predictions;
    std::vector<nn::viz::Image> seen;
    for (const nn::viz::PreparedPicture& picture : prepared) seen.push_back(picture.image);
    nn::viz::write_png(options.out / "seen.png", nn::viz::image_grid(seen, 8, {.scale = 4}));
    std::cout << "what the network is shown: " << (options.out / "seen.png").string() << '\n';
    for (std::size_t i = 0; i < prepared.size(); ++i) {
      const auto row = std::as_const(probabilities).sample(static_cast<Index>(i));
      std::cout << names[i] << " (" << originals[i].width() << "x" << originals[i].height()
                << (prepared[i].done.empty() ? "" : ", " + prepared[i].done)
                << "): " << likeliest(row, class_names);
      const std::string doubt = example::doubt(row);
      std::cout << (doubt.empty() ? "" : " (" + doubt + ")") << '\n';
      predictions.push_back({prepared[i].image, {row.begin(), row.end()}});
    }
    draw_answers(options.out / "classified.png", predictions, class_names);
  }
  nn::require(refused == 0, refused, " of ", options.classify.size(),
              " pictures could not be classified");
}

// ---- the page ----

std::string title_of(const Options& options) {
  if (options.dataset == "mnist") return "Handwritten digits, in seconds or to the last one";
  if (options.dataset == "fashion-mnist") return "Pieces of clothing";
  return "Photographs of animals and vehicles";
}

struct Results {
  Training training;
  std::vector<Choice> choices;
  Choice chosen;
  Answers answers;
};

void write_numbers(const Options& options, const Recipe& recipe, const Model& model,
                   const Results& results) {
  const double seconds = results.training.history.seconds();
  example::Metrics metrics;
  metrics["dataset"] = options.dataset;
  metrics["recipe"] = recipe.name;
  metrics["test_accuracy"] = results.answers.confusion.accuracy();
  metrics["validation_accuracy"] = results.chosen.validation_rate;
  metrics["train_seconds"] = seconds;
  metrics["parameters"] = example::parameter_count(model);
  metrics["operations_per_image"] = 2 * example::multiply_adds(model.plan());
  metrics["epochs"] = epochs_of(options, recipe);
  metrics["images_per_second"] = results.training.history.last().images_per_second;
  metrics["views"] = words_of(results.chosen.views);
  metrics["seed"] = options.seed;
  metrics["threads"] = nn::threads();
  metrics["quick"] = options.quick;
  metrics["history"] = example::history_metrics(results.training.history);
  for (const Choice& choice : results.choices) {
    metrics["choices"].push_back(
        {{"views", words_of(choice.views)}, {"validation_accuracy", choice.validation_rate}});
  }
  for (const Moment& moment : results.training.moments) {
    metrics["moments"].push_back({{"epoch", moment.epoch},
                                  {"seconds", moment.seconds},
                                  {"cost", moment.cost},
                                  {"validation_cost", moment.validation_cost},
                                  {"validation_accuracy", moment.validation_rate}});
  }
  const nn::ConfusionMatrix& confusion = results.answers.confusion;
  for (Label truth = 0; truth < confusion.classes(); ++truth) {
    example::Metrics row = example::Metrics::array();
    for (Label answer = 0; answer < confusion.classes(); ++answer) {
      row.push_back(confusion(truth, answer));
    }
    metrics["confusion_matrix"].push_back(row);
  }
  example::write_metrics(options.out, metrics);
}

void tell_images(example::Page& page, const Recipe& recipe, const Bases& bases) {
  const nn::Shape& shape = bases.learning.sample_shape();
  page.section("The images")
      .paragraph("The learning base has " + example::thousands(bases.learning.size()) +
                 " images of " + std::to_string(shape[0]) + "x" + std::to_string(shape[1]) +
                 (shape[2] == 1 ? " grey" : " coloured") + " pixels. " +
                 example::thousands(bases.validation.size()) +
                 " others from the same source are the validation base, by which choices are made; "
                 "the " +
                 example::thousands(bases.test.size()) +
                 " of the test base are looked at once, when all is decided.")
      .picture("examples.png", "Examples from the learning base, one row for each class.");
  // Drawings and digits in the middle of their image have steps of their own.
  const double steps = shape[2] == 3 ? example::block_steps(bases.learning) : 0;
  if (steps > example::jpeg_steps) {
    page.paragraph(
        "These images have gone through JPEG: across the borders of its blocks of 8x8 "
        "pixels, neighbouring pixels differ by " +
        example::percent(steps, 1) +
        " more than beside them. They are less sharp than images that have not, and "
        "probably harder to recognise by a point or so.");
  }
  const std::string changes = example::describe(recipe.augmentation);
  page.paragraph(
          "A network that never sees the same image twice learns less by heart. Each row "
          "below shows one way to change images without changing what they show; the two "
          "last ones mix pairs of images and of what is to be answered. " +
          (changes.empty() ? std::string("This recipe does none of it: its training is over "
                                         "before there is anything to learn by heart.")
                           : "In this recipe images are " + changes + "."))
      .picture("augmentations.png", "One image of each class, and what augmentation makes of it.");
}

std::string explain_network(const Recipe& recipe) {
  if (recipe.architecture == example::Architecture::pooled) {
    return "The network is small, so that an epoch is a matter of seconds: three convolutions, "
           "each followed by pooling, normalisation and the activation ReLU, and one output for "
           "each class. Pooling comes before the others, which then have a quarter of the work.";
  }
  const std::string ending =
      "the first is followed by pooling, both by normalisation and the activation " +
      std::string(recipe.gelu ? "GELU" : "ReLU") +
      ". What is strongest anywhere in the image goes to one output for each class.";
  if (recipe.architecture == example::Architecture::paired) {
    return "There are three blocks, each of two convolutions, which but for the very first start "
           "as copies of their inputs; " +
           ending;
  }
  return "The first layer is not learned: its filters take patches of the image apart into "
         "uncorrelated parts of equal strength, found from the learning base by an "
         "eigenvalue decomposition, each with both signs. Three blocks follow, each of two "
         "convolutions that start as copies of their inputs; " +
         ending;
}

void tell_training(example::Page& page, const Options& options, const Recipe& recipe,
                   const Model& model, const Bases& bases, const Results& results) {
  const nn::History& history = results.training.history;
  const Index epochs = epochs_of(options, recipe);
  page.section("The network")
      .paragraph(explain_network(recipe))
      .table(example::network_table(model.plan(), "The layers, from the input to the output."));
  page.section("Learning")
      .paragraph(
          "The recipe `" + std::string(recipe.name) + "` goes " +
          (epochs == 1 ? "once" : example::counted(epochs, "time")) +
          " over the learning base in batches of " +
          std::to_string(std::min(recipe.batch_size, bases.learning.size() / 4)) +
          ". Stochastic gradient descent with Nesterov's momentum follows the gradient, with "
          "a rate that rises to " +
          example::fixed(recipe.learning_rate) + " and falls to nearly nothing." +
          (recipe.label_smoothing > 0 ? " The wanted probability of the right class is " +
                                            example::fixed(1 - recipe.label_smoothing, 2) +
                                            " rather than 1, so that the cost cannot reach 0."
                                      : "") +
          (recipe.average_decay > 0 ? " What is kept in the end is a moving average of the weights."
                                    : ""))
      .pictures(
          {{"cost.png",
            "The cost, on batches as they were learned from and on 1,000 images "
            "of the validation base."},
           {"rate_per_second.png",
            "The share of those images that is recognised, against the time spent learning" +
                std::string(recipe.average_decay > 0 ? "; the averaged weights recognise more."
                                                     : ".")}});
  page.paragraph("Learning took " + example::duration(history.seconds()) + ", " +
                 example::thousands(static_cast<Index>(history.last().images_per_second)) +
                 " images a second in the last epoch.");
  example::Table table{.caption = "Ways of answering, measured on the validation base.",
                       .columns = {"the network sees", "recognised"}};
  for (const Choice& choice : results.choices) {
    if (choice.views.flip == results.chosen.views.flip &&
        choice.views.shift == results.chosen.views.shift) {
      table.bold_rows.push_back(static_cast<Index>(table.rows.size()));
    }
    table.rows.push_back({words_of(choice.views), example::percent(choice.validation_rate)});
  }
  page.paragraph(
          "A network may look at several views of an image and answer by their mean. "
          "Which views are best is decided on the validation base:")
      .table(table);
}

void tell_answers(example::Page& page, const Bases& bases, const Results& results, bool wrong,
                  Index errors) {
  const double rate = results.answers.confusion.accuracy();
  const double validation = results.chosen.validation_rate;
  page.section("What it answers")
      .paragraph("The outputs, passed through softmax, are the probabilities of the classes.")
      .picture("right.png", "Images that were recognised, beside their probabilities.");
  if (wrong) page.picture("wrong.png", "The errors of which the network was most certain.");
  page.section("The test base, once")
      .paragraph("Of the test base " + example::percent(rate) +
                 " is recognised: " + example::thousands(results.answers.confusion.correct()) +
                 " of " + example::thousands(bases.test.size()) + " images.")
      .table(example::rates_table(bases.test, results.answers))
      .picture("confusion.png",
               "How many images of each class (row) were taken for which (column).");
  const nn::Proportion interval =
      nn::proportion(results.answers.confusion.correct(), bases.test.size());
  page.conclusion("The validation base had promised " + example::percent(validation) +
                  "; the test "
                  "base gives " +
                  example::percent(rate) + ", by whose size the true rate lies between " +
                  example::percent(interval.lower) + " and " + example::percent(interval.upper) +
                  (validation >= interval.lower && validation <= interval.upper
                       ? ". The promise was kept."
                   : validation > rate ? ". The promise was more than was kept."
                                       : ". More was kept than promised."));
  if (errors > 0) {
    page.picture("errors.png",
                 "The " + std::to_string(errors) +
                     " hardest images: the errors of which the network was most certain, what they "
                     "are and what it took them for.");
  }
}

void tell_inside(example::Page& page, const Recipe& recipe) {
  page.section("Inside the network")
      .paragraph(recipe.architecture == example::Architecture::whitened
                     ? "The filters of the first layer are those of the whitening: averages first, "
                       "then edges, in grey or in opposite colours, of less and less strength."
                     : "The filters of the first layer are small images that the network looks "
                       "for: here as it learned them.")
      .picture("filters.png",
               "The filters of the first layer, from their lowest weight (black) to "
               "their highest (white).")
      .paragraph("Every layer makes new images out of those before it, smaller and more of them.")
      .picture("features.png",
               "One image, and the channels that it excites most in several layers.")
      .paragraph(
          "Where does the network look? A square of mean colour is moved over the image; "
          "where the probability of the right class falls, something was hidden that it "
          "needs.")
      .picture("attention.png",
               "Test images, and by how much the probability falls when a place "
               "is hidden: from not at all (dark) to most (yellow).");
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Recipe& recipe = example::find_recipe(options.dataset, options.recipe);
  const Bases bases = load(options, recipe);
  const nn::Shape& shape = bases.learning.sample_shape();
  Model model(example::network_of(recipe, shape, bases.learning.classes()), shape,
              {.seed = options.seed});
  std::cout << nn::summary(model, recipe.batch_size);

  const Training training = train(model, options, recipe, bases);
  if (!is_first(options)) return;
  // From here on it is the network as it is stored, so that the rates are those of the file.
  nn::from_safetensors(model, nn::to_safetensors(model, {.type = stored_type}));
  Results results{.training = training,
                  .choices = measure_choices(model, recipe, bases.validation),
                  .chosen = {},
                  .answers = {{}, {}, {}, nn::ConfusionMatrix(bases.test.classes()), {}}};
  results.chosen = best_of(results.choices);
  results.answers = example::answers_of(
      nn::softmax_rows(nn::predict_views(model, bases.test, results.chosen.views)), bases.test);
  const Answers& answers = results.answers;
  const double rate = answers.confusion.accuracy();
  save(options, recipe, model, bases,
       {{"test_accuracy", example::fixed(rate, 4)},
        {"validation_accuracy", example::fixed(results.chosen.validation_rate, 4)}},
       results.chosen.views);

  example::draw_examples(options.out, bases.learning);
  draw_augmentations(options, recipe, bases.learning);
  draw_curves(options, results.training.moments);
  std::vector<Index> right = example::right_examples(bases.test, answers, bases.test.classes());
  if (right.empty()) right.push_back(0);  // a run too short to have learned anything
  const auto some = [](std::vector<Index> places) {
    places.resize(std::min<std::size_t>(places.size(), 6));
    return places;
  };
  example::draw_predictions(options.out, "right.png", bases.test, answers, some(right));
  const std::vector<Index> wrong = some(answers.wrong);
  if (!wrong.empty()) {
    example::draw_predictions(options.out, "wrong.png", bases.test, answers, wrong);
  }
  nn::viz::plot_confusion_matrix(options.out / "confusion.png", answers.confusion.counts(),
                                 bases.test.class_names());
  const Index errors = example::draw_worst(options.out, bases.test, answers);
  draw_filters(options, model);
  draw_features(options, model, bases.test.slice(right.front(), 1));
  draw_attention(options, model, bases.test, right);
  write_numbers(options, recipe, model, results);

  example::Page page(title_of(options),
                     "How well can two processor cores learn to recognise them, "
                     "and in what time?");
  page.key_figures(
      {{example::percent(rate), "of the test images recognised"},
       {example::duration(results.training.history.seconds()), "of learning"},
       {example::thousands(example::parameter_count(model)), "parameters"},
       {example::thousands(2 * example::multiply_adds(model.plan()) / 1'000'000) + " million",
        "operations an image"}});
  tell_images(page, recipe, bases);
  tell_training(page, options, recipe, model, bases, results);
  tell_answers(page, bases, results, !wrong.empty(), errors);
  tell_inside(page, recipe);
  example::add_facts(page, options, bases.learning);
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);

  std::cout << "recognition rate on the validation base: "
            << example::percent(results.chosen.validation_rate) << " ("
            << words_of(results.chosen.views) << ")\n"
            << "recognition rate on the test base: " << example::percent(rate) << " ("
            << answers.wrong.size() << " errors in " << bases.test.size() << " images)\n"
            << "learning took " << example::duration(results.training.history.seconds()) << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
  example::check_expected_accuracy(options, rate);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.dataset = "fashion-mnist";
  example::CommandLine line("part5_images",
                            "Learns to recognise images by a recipe, and classifies pictures.",
                            options, {.accuracy = true});
  line.choice("--dataset", options.dataset, {"mnist", "fashion-mnist", "cifar-10"},
              "the images to learn");
  line.choice("--recipe", options.recipe, {"fast", "best"}, "in minutes, or as well as it goes");
  line.flag("--epochs", options.epochs, "passes over the learning base (0: as the recipe has it)");
  line.flag("--resume", options.resume, "goes on from the checkpoint in --out, if there is one");
  line.flag("--weights", options.weights,
            "weights.safetensors that this program has written, to measure again on the test base; "
            "of several also the mean of their answers");
  line.flag("--classify", options.classify, "pictures (PNG, JPEG) to classify with --weights");
  return example::run_program(line, argc, argv, [&] {
    if (options.classify.empty() && options.weights.empty()) {
      options.world = example::ranks();
      return study(options);
    }
    nn::require(!options.weights.empty(), "--classify needs a trained network: --weights FILE");
    if (options.classify.empty()) return measure_again(options);
    classify(options);
  });
}
