// Part 4: trains a pair of networks that learn to draw digits, and measures how well they do it.

#include <nn/io/safetensors.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/plot.hpp>

#include <iostream>
#include <locale>
#include <sstream>

#include "support/classifier.hpp"
#include "support/gan.hpp"
#include "support/judge.hpp"

namespace {

using nn::Dataset;
using nn::Index;
using nn::Label;
using nn::viz::Image;

struct Options : example::Flags {
  std::string model = "dcgan";
  std::string loss = "non-saturating";
  bool unconditional = false;
  Index width = 32;
  Index batch = 32;
  bool resume = false;
  std::filesystem::path judge;
  Index sample = 0;
  std::filesystem::path weights;
};

/// How many images the steps of the study take.
struct Sizes {
  Index learning;   ///< to learn from
  Index compared;   ///< generated and test images that are compared with each other
  Index memorised;  ///< of which the nearest learned image is looked for
  Index judge_epochs;
};

Sizes sizes_of(const Options& options) {
  if (options.quick) return {10000, 1000, 200, 2};
  return {60000, 10000, 2000, 4};
}

/// One epoch of the game, in numbers that can be saved as they are.
struct Record {
  double discriminator_loss = 0, generator_loss = 0;
  double real_accuracy = 0, generated_accuracy = 0;
  double seconds = 0;
  double classifier_score = 0, frechet_distance = 0, nearest_neighbour_accuracy = 0;
  double smallest_share = 0;
};

/// What real images come to, by the same measures.
struct Floor {
  double frechet_distance = 0;
  double nearest_neighbour_accuracy = 0;
  double classifier_score = 0;
};

// ---- the training ----

using Gan = example::Gan<float>;

/// One epoch of the game.
Record play_epoch(Gan& gan, nn::Loader<float>& loader, Index epoch, example::Progress& progress) {
  const example::Stopwatch watch;
  Record sum;
  Index batches = 0;
  for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
    const Index step = epoch * loader.batches() + batches;
    const example::GanStep result = gan.step(batch.inputs, batch.labels);
    nn::require<nn::DivergenceError>(
        std::isfinite(result.discriminator_loss) && std::isfinite(result.generator_loss),
        "the training diverged at step ", step + 1, ": the losses are ", result.discriminator_loss,
        " and ", result.generator_loss);
    sum.discriminator_loss += result.discriminator_loss;
    sum.generator_loss += result.generator_loss;
    sum.real_accuracy += result.real_accuracy;
    sum.generated_accuracy += result.generated_accuracy;
    ++batches;
    progress.update(
        step + 1, sum.generator_loss / static_cast<double>(batches),
        0.5 * (sum.real_accuracy + sum.generated_accuracy) / static_cast<double>(batches));
  }
  for (double* mean : {&sum.discriminator_loss, &sum.generator_loss, &sum.real_accuracy,
                       &sum.generated_accuracy}) {
    *mean /= static_cast<double>(batches);
  }
  sum.seconds = watch.seconds();
  return sum;
}

std::string settings_of(const Options& options) {
  return nn::text(options.model, ", ", options.loss, ", width ", options.width, ", batch ",
                  options.batch, options.unconditional ? ", unconditional" : "", ", seed ",
                  options.seed, options.quick ? ", quick" : "");
}

void save_checkpoint(const std::filesystem::path& file, const Options& options, const Gan& gan,
                     const std::vector<Record>& records) {
  nn::Checkpoint checkpoint;
  checkpoint.set("settings", std::string_view(settings_of(options)));
  checkpoint.set("generator", gan.generator);
  checkpoint.set("discriminator", gan.discriminator);
  checkpoint.set("generator_optimizer", gan.generator_optimizer);
  checkpoint.set("discriminator_optimizer", gan.discriminator_optimizer);
  checkpoint.set("average", gan.average);
  checkpoint.set("records", std::span<const Record>(records));
  checkpoint.save(file);
}

/// Goes on where a checkpoint was made; what came before is returned.
std::vector<Record> load_checkpoint(const std::filesystem::path& file, const Options& options,
                                    Gan& gan) {
  const auto checkpoint = nn::Checkpoint::load(file);
  nn::require<nn::FileError>(checkpoint.text("settings") == settings_of(options), file.string(),
                             " belongs to another training: ", checkpoint.text("settings"),
                             "; this one is ", settings_of(options));
  checkpoint.get("generator", gan.generator);
  checkpoint.get("discriminator", gan.discriminator);
  checkpoint.get("generator_optimizer", gan.generator_optimizer);
  checkpoint.get("discriminator_optimizer", gan.discriminator_optimizer);
  checkpoint.get("average", gan.average);
  return checkpoint.values<Record>("records");
}

// ---- the generator as a file ----

example::GanOptions gan_options(const Options& options, const Dataset& learning) {
  example::GanOptions result{.model = options.model, .loss = options.loss, .width = options.width};
  if (!options.unconditional) result.class_counts = learning.class_counts();
  result.seed = options.seed;
  return result;
}

void save_generator(const std::filesystem::path& file, Gan& gan) {
  std::string counts;
  for (const Index count : gan.options().class_counts) counts += std::to_string(count) + " ";
  gan.average.swap(gan.generator);
  nn::save(gan.generator, file,
           {.metadata = {{"model", gan.options().model},
                         {"width", std::to_string(gan.options().width)},
                         {"latent", std::to_string(gan.options().latent)},
                         {"class_counts", counts}}});
  gan.average.swap(gan.generator);
}

/// A pair whose generator is the one in the file.
Gan load_generator(const std::filesystem::path& file, std::uint64_t seed) {
  const nn::Metadata metadata = nn::SafetensorsFile::read(file).metadata;
  for (const char* key : {"model", "width", "latent", "class_counts"}) {
    nn::require<nn::FileError>(metadata.contains(key), file.string(),
                               " holds no generator of this program: it does not say its ", key);
  }
  const auto numbers = [&](const char* key) {
    std::istringstream text(metadata.at(key));
    text.imbue(std::locale::classic());
    std::vector<Index> list;
    for (Index number = 0; text >> number;) list.push_back(number);
    return list;
  };
  const auto number = [&](const char* key) {
    const std::vector<Index> list = numbers(key);
    nn::require<nn::FileError>(list.size() == 1 && list[0] > 0 && list[0] <= 4096, file.string(),
                               ": its ", key, " is ", metadata.at(key));
    return list[0];
  };
  Gan gan({.model = metadata.at("model"),
           .latent = number("latent"),
           .width = number("width"),
           .class_counts = numbers("class_counts"),
           .seed = seed});
  nn::load(gan.generator, file);
  gan.average = nn::WeightAverage<float>(gan.generator);
  return gan;
}

// ---- the pictures ----

std::vector<Image> pictures_of(nn::TensorView<const float> images) {
  return nn::viz::to_images(images, nn::viz::ValueRange{-1, 1});
}

/// Always the same random numbers, a row of ten images for each; with classes, each column is one.
nn::Tensor<float> fixed_latent(const Gan& gan, Index rows) {
  nn::Tensor<float> latent = gan.latent(10 * rows, 12345);
  for (Index i = 0; i < latent.shape()[0]; ++i)
    gan.set_class(latent, i, static_cast<Label>(i % 10));
  return latent;
}

void draw_grid(const std::filesystem::path& file, Gan& gan, const nn::Tensor<float>& latent) {
  const nn::Tensor<float> images = gan.draw(latent);
  nn::viz::write_png(file, nn::viz::image_grid(pictures_of(images), 10, {.scale = 2, .gap = 4}));
}

/// Images along straight lines between latent vectors, a line each row; with classes, the last
/// lines lead from one class to another.
void draw_lines(const std::filesystem::path& file, Gan& gan) {
  constexpr Index rows = 8;
  constexpr Index columns = 12;
  nn::Tensor<float> ends = gan.latent(2 * rows, 777);
  nn::Tensor<float> line({rows * columns, ends.shape()[1]});
  for (Index row = 0; row < rows; ++row) {
    gan.set_class(ends, 2 * row, static_cast<Label>(row));
    gan.set_class(ends, 2 * row + 1, static_cast<Label>(row < 4 ? row : (row * 3 + 1) % 10));
    for (Index column = 0; column < columns; ++column) {
      const float t = static_cast<float>(column) / static_cast<float>(columns - 1);
      for (Index k = 0; k < ends.shape()[1]; ++k) {
        line(row * columns + column, k) = (1 - t) * ends(2 * row, k) + t * ends(2 * row + 1, k);
      }
    }
  }
  const nn::Tensor<float> images = gan.draw(line);
  nn::viz::write_png(file, nn::viz::image_grid(pictures_of(images), columns, {.gap = 4}));
}

/// The generated images that come nearest to a learned one, above that one.
void draw_nearest(const std::filesystem::path& file, nn::TensorView<const float> generated,
                  nn::TensorView<const float> learned, const nn::Memorisation& memorisation) {
  std::vector<Index> order(memorisation.neighbours.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto neighbour = [&](Index i) {
    return memorisation.neighbours[static_cast<std::size_t>(i)];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return neighbour(a).distance < neighbour(b).distance; });
  std::vector<Image> images;
  const auto add = [&](nn::TensorView<const float> from, Index i) {
    images.push_back(nn::viz::to_image(from.sample(i), {-1, 1}));
  };
  constexpr std::size_t columns = 12;
  for (std::size_t k = 0; k < columns; ++k) add(generated, order[k]);
  for (std::size_t k = 0; k < columns; ++k) add(learned, neighbour(order[k]).index);
  nn::viz::write_png(file, nn::viz::image_grid(images, columns,
                                               {.gap = 4, .row_titles = {"generated", "learned"}}));
}

void draw_curves(const Options& options, const std::vector<Record>& records) {
  std::vector<double> epochs;
  const auto all = [&](double Record::*member) {
    std::vector<double> values;
    for (const Record& record : records) values.push_back(record.*member);
    return values;
  };
  for (std::size_t i = 0; i < records.size(); ++i) epochs.push_back(static_cast<double>(i + 1));
  nn::viz::plot_curves(
      options.out / "losses.png",
      {{.name = "discriminator", .x = epochs, .y = all(&Record::discriminator_loss)},
       {.name = "generator", .x = epochs, .y = all(&Record::generator_loss)}},
      {.title = "Costs", .x = {.label = "epoch"}, .y = {.label = "cost", .min = 0.0}});
  nn::viz::plot_curves(
      options.out / "accuracies.png",
      {{.name = "real images taken for real", .x = epochs, .y = all(&Record::real_accuracy)},
       {.name = "generated images found out", .x = epochs, .y = all(&Record::generated_accuracy)}},
      {.title = "The discriminator",
       .x = {.label = "epoch"},
       .y = {.label = "images told right", .percent = true}});
  nn::viz::plot_curves(
      options.out / "quality.png",
      {{.name = "Frechet distance", .x = epochs, .y = all(&Record::frechet_distance)}},
      {.title = "Frechet distance to the test images",
       .x = {.label = "epoch"},
       .y = {.label = "distance", .logarithmic = true}});
}

// ---- the study ----

/// Everything that was measured.
struct Results {
  std::vector<Record> records;
  double judge_accuracy = 0;
  double judge_seconds = 0;
  Floor floor;
  example::Quality quality;
  nn::Memorisation memorisation;

  [[nodiscard]] double seconds() const {
    double sum = 0;
    for (const Record& record : records) sum += record.seconds;
    return sum;
  }
  [[nodiscard]] double frechet_ratio() const {
    return quality.frechet_distance / floor.frechet_distance;
  }
};

/// What the numbers say has gone wrong; empty when nothing has.
std::string collapse(const Results& results) {
  const Record& last = results.records.back();
  std::string lost;
  for (std::size_t k = 0; k < results.quality.class_shares.size(); ++k) {
    if (results.quality.class_shares[k] < 0.02)
      lost += (lost.empty() ? "" : ", ") + std::to_string(k);
  }
  if (!lost.empty()) {
    return "The generator has collapsed: it hardly draws these digits at all: " + lost + ".";
  }
  if (last.real_accuracy > 0.98 && last.generated_accuracy > 0.98) {
    return "The discriminator has won: it tells " + example::percent(last.generated_accuracy, 1) +
           " of the generated images, and the generator has nothing left to learn from it.";
  }
  if (results.memorisation.copies > 0.1) {
    return "The generator copies: " + example::percent(results.memorisation.copies, 1) +
           " of its images are nearer to a learned one than 99 of 100 test images are.";
  }
  return {};
}

/// The images of a data set at random places, as a network takes them.
nn::Tensor<float> random_inputs(const Dataset& data, Index count, std::uint64_t seed) {
  std::vector<Index> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), Index{0});
  nn::Random(seed, 55U).shuffle(std::span<Index>(order));
  order.resize(static_cast<std::size_t>(std::min(count, data.size())));
  return data.subset(order).inputs();
}

/// Real images by the same measures: the mean of three draws from the learning base.
Floor measure_floor(const example::QualityMeter& meter, const Dataset& learning, Index count) {
  Floor floor;
  constexpr std::uint64_t draws = 3;
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    const example::Quality real = meter(random_inputs(learning, count, draw));
    floor.frechet_distance += real.frechet_distance / draws;
    floor.nearest_neighbour_accuracy += real.nearest_neighbour_accuracy / draws;
    floor.classifier_score += real.classifier_score / draws;
  }
  return floor;
}

/// Plays the game, epoch after epoch, measuring and drawing after each.
std::vector<Record> play(const Options& options, Gan& gan, const Dataset& learning,
                         const example::QualityMeter& meter) {
  const std::filesystem::path checkpoint = options.out / "gan.checkpoint";
  const nn::Tensor<float> latent = fixed_latent(gan, 10);
  std::vector<Record> records;
  if (options.resume && std::filesystem::exists(checkpoint)) {
    records = load_checkpoint(checkpoint, options, gan);
  } else {
    draw_grid(options.out / "epoch_00.png", gan, latent);
  }
  nn::Loader<float> loader(learning,
                           {.batch_size = options.batch, .drop_last = true, .seed = options.seed});
  example::Progress progress(
      options.epochs * loader.batches(),
      {.steps_per_epoch = loader.batches(), .images_per_step = options.batch});
  while (static_cast<Index>(records.size()) < options.epochs) {
    const auto epoch = static_cast<Index>(records.size());
    Record record = play_epoch(gan, loader, epoch, progress);
    const example::Quality quality =
        meter(gan.draw(gan.latent(sizes_of(options).compared, options.seed)));
    record.classifier_score = quality.classifier_score;
    record.frechet_distance = quality.frechet_distance;
    record.nearest_neighbour_accuracy = quality.nearest_neighbour_accuracy;
    record.smallest_share =
        *std::min_element(quality.class_shares.begin(), quality.class_shares.end());
    records.push_back(record);
    progress.note("  Frechet distance " + example::fixed(record.frechet_distance, 2) +
                  ", classifier score " + example::fixed(record.classifier_score, 2) +
                  ", nearest neighbours " + example::percent(record.nearest_neighbour_accuracy, 1));
    const std::string number = (epoch < 9 ? "0" : "") + std::to_string(epoch + 1);
    draw_grid(options.out / ("epoch_" + number + ".png"), gan, latent);
    save_checkpoint(checkpoint, options, gan, records);
  }
  progress.finish();
  return records;
}

/// The first row of every epoch's grid, one under the other: digits as they emerge.
void draw_strip(const Options& options, std::size_t epochs) {
  std::vector<Image> rows;
  std::vector<std::string> titles;
  for (std::size_t epoch = 0; epoch <= epochs; ++epoch) {
    const std::string number = (epoch < 10 ? "0" : "") + std::to_string(epoch);
    const Image grid = nn::viz::read_image(options.out / ("epoch_" + number + ".png"));
    rows.push_back(nn::viz::crop(grid, 0, 0, 4 + 56 + 4, grid.width()));
    titles.push_back(epoch == 0 ? "before" : "epoch " + std::to_string(epoch));
  }
  nn::viz::write_png(options.out / "strip.png",
                     nn::viz::image_grid(rows, 1, {.scale = 1, .gap = 4, .row_titles = titles}));
}

// ---- the page ----

void write_numbers(const Options& options, const Gan& gan, const Results& results) {
  example::Metrics metrics;
  metrics["judge_accuracy"] = results.judge_accuracy;
  metrics["class_shares"] = results.quality.class_shares;
  metrics["classifier_score"] = results.quality.classifier_score;
  metrics["classifier_score_real"] = results.floor.classifier_score;
  metrics["frechet_distance"] = results.quality.frechet_distance;
  metrics["frechet_floor"] = results.floor.frechet_distance;
  metrics["frechet_ratio"] = results.frechet_ratio();
  metrics["nearest_neighbour_accuracy"] = results.quality.nearest_neighbour_accuracy;
  metrics["nearest_neighbour_floor"] = results.floor.nearest_neighbour_accuracy;
  metrics["memorisation"] = {{"generated_distance", results.memorisation.generated_distance},
                             {"test_distance", results.memorisation.test_distance},
                             {"nearer", results.memorisation.nearer},
                             {"copies", results.memorisation.copies}};
  metrics["collapse"] = collapse(results);
  metrics["model"] = options.model;
  metrics["loss"] = options.loss;
  metrics["told_classes"] = gan.told_classes();
  metrics["generator_parameters"] = example::parameter_count(gan.generator);
  metrics["discriminator_parameters"] = example::parameter_count(gan.discriminator);
  metrics["noise"] = gan.options().noise;
  metrics["epochs"] = options.epochs;
  metrics["train_seconds"] = results.seconds();
  metrics["judge_seconds"] = results.judge_seconds;
  metrics["seed"] = options.seed;
  for (const Record& record : results.records) {
    metrics["history"].push_back({{"epoch", metrics["history"].size() + 1},
                                  {"discriminator_loss", record.discriminator_loss},
                                  {"generator_loss", record.generator_loss},
                                  {"real_accuracy", record.real_accuracy},
                                  {"generated_accuracy", record.generated_accuracy},
                                  {"frechet_distance", record.frechet_distance},
                                  {"classifier_score", record.classifier_score},
                                  {"nearest_neighbour_accuracy", record.nearest_neighbour_accuracy},
                                  {"smallest_class_share", record.smallest_share},
                                  {"seconds", record.seconds}});
  }
  example::write_metrics(options.out, metrics);
}

void tell_networks(example::Page& page, const Options& options, const Gan& gan) {
  const bool convolutional = options.model == "dcgan";
  page.section("The two networks")
      .paragraph(
          "The **generator** makes an image of " + std::to_string(gan.options().latent) +
          " random numbers" +
          (gan.told_classes() ? " and the digit that it is asked for. " : ". ") +
          (convolutional
               ? "A dense layer turns them into a small picture of 7x7 points with many "
                 "channels; two transposed convolutions enlarge it to 14x14 and 28x28, each "
                 "point painting a patch of 4x4. Normalisation keeps the values in the range "
                 "where ReLU has something to decide, and tanh ends between black and white."
               : "Dense layers with normalisation and ReLU make it grow to 784 pixels, and "
                 "tanh ends between black and white."))
      .table(example::network_table(gan.generator.plan(), "The generator."))
      .paragraph("The **discriminator** answers whether an image is real. " +
                 std::string(convolutional
                                 ? "It is the generator's mirror image: two convolutions that move "
                                   "by two pixels, and a dense layer. "
                                 : "It has dense layers with dropout. ") +
                 "LeakyReLU lets some gradient pass everywhere, for the generator learns from "
                 "nothing else." +
                 (gan.told_classes()
                      ? " It has one logit for each digit; the one of the digit that the image is "
                        "said to be counts. So a good 4 is no way out for a generator that was "
                        "asked for a 9, and all digits get drawn. (`--unconditional` leaves the "
                        "digits out.)"
                      : ""))
      .table(example::network_table(gan.discriminator.plan(), "The discriminator."));
}

void tell_game(example::Page& page, const Options& options) {
  const bool squares = options.loss == "least-squares";
  page.section("The game")
      .paragraph(
          "Both learn by turns, batch after batch. The discriminator learns to answer 1 for "
          "real images x and 0 for generated ones G(z); the generator learns to have its "
          "images taken for real. What it changes is told by the gradient that comes back "
          "**through** the discriminator, whose own weights rest meanwhile.");
  if (squares) {
    page.formula(
        "cost of D = mean (D(x) - 1)² + mean D(G(z))²,    cost of G = mean (D(G(z)) - 1)²");
  } else {
    page.formula(
            "cost of D = - mean log s(D(x)) - mean log(1 - s(D(G(z)))),    "
            "cost of G = - mean log s(D(G(z)))")
        .paragraph(
            "Here s is the sigmoid. The generator's cost is the non-saturating one: "
            "minimising log(1 - s(D(G(z)))), the discriminator's cost with its sign changed, "
            "has the same goal but hardly a gradient as long as all images are found out.");
  }
  page.code(
          "for every batch of real images:\n"
          "  generated = generator.forward(random numbers)\n"
          "  discriminator: backward of loss(discriminator.forward(real), 1)\n"
          "               + backward of loss(discriminator.forward(generated), 0); step\n"
          "  loss(discriminator.forward(generated), 1)\n"
          "  image gradient = discriminator.backward(input gradient only)\n"
          "  generator: backward(image gradient); step\n"
          "  average of the generator's weights: update")
      .paragraph("Adam (learning step 0.001, beta1 = 0.5) trains both with batches of " +
                 std::to_string(options.batch) +
                 ". Every image that the discriminator sees gets some noise, of deviation " +
                 example::fixed(example::GanOptions{}.noise, 2) +
                 ", so that it looks at the digit and not at traces that no one sees. "
                 "The step does not shrink towards the end, as it does elsewhere: with small "
                 "steps the discriminator gets the better of the generator, which then draws "
                 "fewer and safer digits. A moving average of the generator's weights is calm "
                 "instead, and draws the pictures.");
}

void tell_training(example::Page& page, const Results& results) {
  const Record& last = results.records.back();
  page.section("Digits emerge")
      .paragraph("The same random numbers, drawn after every epoch.")
      .picture("strip.png", "Ten fixed random vectors, before the training and after each epoch.")
      .picture("last.png", "After the last epoch.")
      .pictures({{"losses.png", "The costs of both networks."},
                 {"accuracies.png", "How often the discriminator is right."}})
      .paragraph(
          "Costs do not fall here as elsewhere: each network's task is as hard as the other "
          "makes it. At the end the discriminator tells " +
          example::percent(last.real_accuracy, 1) + " of the real and " +
          example::percent(last.generated_accuracy, 1) + " of the generated images" +
          (last.generated_accuracy < 0.9 ? ": the game is still open." : "."))
      .picture(
          "lines.png",
          "Along straight lines between random vectors: digits change into one another without "
          "a break, which a collection of learned images could not do.");
}

void tell_quality(example::Page& page, const Options& options, const Results& results) {
  const Sizes sizes = sizes_of(options);
  const example::Quality& quality = results.quality;
  const std::string count = example::thousands(sizes.compared);
  page.section("How good they are")
      .paragraph(
          "A classifier of our own, which recognises " + example::percent(results.judge_accuracy) +
          " of MNIST's test images, looks at " + count + " generated images and at " + count +
          " test images. The **Frechet distance** compares mean and covariance of its 128 "
          "features, the **classifier score** is exp(E KL(p(y|x) || p(y))), from 1 to 10: high "
          "when it is sure of each image and finds all digits equally often. The accuracy "
          "of a **nearest-neighbour test** is how often an image's nearest neighbour "
          "among all others is of its own kind: 50 % when nothing tells them apart.")
      .table(
          {.caption = "Generated images, beside as many real ones from the learning base.",
           .columns = {"figure", "generated", "real"},
           .rows = {
               {"Frechet distance to the test images", example::fixed(quality.frechet_distance, 2),
                example::fixed(results.floor.frechet_distance, 2)},
               {"classifier score", example::fixed(quality.classifier_score, 2),
                example::fixed(results.floor.classifier_score, 2)},
               {"nearest-neighbour test", example::percent(quality.nearest_neighbour_accuracy, 1),
                example::percent(results.floor.nearest_neighbour_accuracy, 1)}}});
  example::Table shares{.caption = "How often each digit is drawn, as the classifier reads it.",
                        .columns = {"digit"},
                        .rows = {{"share"}}};
  for (std::size_t k = 0; k < quality.class_shares.size(); ++k) {
    shares.columns.push_back(std::to_string(k));
    shares.rows[0].push_back(example::percent(quality.class_shares[k], 1));
  }
  page.table(shares).picture("quality.png", "The Frechet distance after each epoch.");
  example::Table table{.caption = "After each epoch.",
                       .columns = {"epoch", "Frechet distance", "classifier score",
                                   "nearest neighbours", "rarest digit"}};
  for (std::size_t i = 0; i < results.records.size(); ++i) {
    const Record& record = results.records[i];
    table.rows.push_back({std::to_string(i + 1), example::fixed(record.frechet_distance, 2),
                          example::fixed(record.classifier_score, 2),
                          example::percent(record.nearest_neighbour_accuracy, 1),
                          example::percent(record.smallest_share, 1)});
  }
  page.table(table);
  const nn::Memorisation& memory = results.memorisation;
  page.section("Or are they copies?")
      .paragraph("The nearest learned image is " + example::fixed(memory.generated_distance, 2) +
                 " away from a generated one and " + example::fixed(memory.test_distance, 2) +
                 " away from a test image (medians, in pixel values from -1 to 1). " +
                 example::percent(memory.copies, 1) +
                 " of the generated images are nearer to a learned one than 99 of 100 test images "
                 "are; 1 % would be no difference.")
      .picture("nearest.png",
               "The generated images that come nearest to a learned one, and that one below.");
  const std::string trouble = collapse(results);
  page.conclusion(!trouble.empty()
                      ? trouble
                      : "The generator draws all ten digits, the rarest in " +
                            example::percent(*std::min_element(quality.class_shares.begin(),
                                                               quality.class_shares.end()),
                                             1) +
                            " of its images, at " + example::fixed(results.frechet_ratio(), 1) +
                            " times the Frechet distance of real images, and without copying.");
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Sizes sizes = sizes_of(options);
  const nn::Normalization range{{0.5}, {0.5}};  // from -1 to 1, as tanh has it
  nn::TrainTest digits = nn::load_mnist(example::dataset_folder(options.data, "mnist"));
  digits.train = digits.train.with_normalization(range).slice(
      0, std::min(sizes.learning, digits.train.size()));
  digits.test =
      digits.test.with_normalization(range).slice(0, std::min(sizes.compared, digits.test.size()));

  Results results;
  const auto file = options.judge.empty() ? options.out / "judge.safetensors" : options.judge;
  std::cout << "The judge, a classifier of digits" << std::endl;
  const example::Stopwatch judge_watch;
  example::Progress judge_progress(
      sizes.judge_epochs * ((digits.train.size() + 127) / 128),
      {.steps_per_epoch = (digits.train.size() + 127) / 128, .images_per_step = 128});
  const example::Judge judge(digits.train, {.weights = file,
                                            .epochs = sizes.judge_epochs,
                                            .callbacks = {example::show(judge_progress)}});
  judge_progress.finish();
  results.judge_seconds = judge_watch.seconds();
  results.judge_accuracy = judge.accuracy(digits.test);
  const nn::Tensor<float> test = digits.test.inputs();
  const example::QualityMeter meter(judge, test);
  results.floor = measure_floor(meter, digits.train, digits.test.size());

  Gan gan(gan_options(options, digits.train));
  std::cout << "The game" << std::endl;
  results.records = play(options, gan, digits.train, meter);
  save_generator(options.out / "generator.safetensors", gan);

  const nn::Tensor<float> generated = gan.draw(gan.latent(digits.test.size(), options.seed + 1000));
  results.quality = meter(generated);
  const nn::Tensor<float> learned = digits.train.inputs();
  const Index looked_at = std::min(sizes.memorised, digits.test.size());
  results.memorisation =
      nn::memorisation(learned, test.samples(0, looked_at), generated.samples(0, looked_at));

  draw_strip(options, results.records.size());
  draw_grid(options.out / "last.png", gan, fixed_latent(gan, 10));
  draw_lines(options.out / "lines.png", gan);
  draw_nearest(options.out / "nearest.png", generated, learned, results.memorisation);
  draw_curves(options, results.records);
  write_numbers(options, gan, results);

  example::Page page(
      "Digits that nobody wrote",
      "How do two networks teach each other to draw handwriting, and how good is it?");
  page.key_figures(
      {{example::fixed(results.frechet_ratio(), 1) + " x", "the Frechet distance of real images"},
       {example::fixed(results.quality.classifier_score, 2),
        "classifier score; real images: " + example::fixed(results.floor.classifier_score, 2)},
       {example::percent(results.quality.nearest_neighbour_accuracy, 1),
        "told by their nearest neighbour; 50 % is perfect"},
       {example::duration(results.seconds()), "of learning"}});
  tell_networks(page, options, gan);
  tell_game(page, options);
  tell_training(page, results);
  tell_quality(page, options, results);
  example::add_facts(page, options, digits.train);
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);

  const std::string trouble = collapse(results);
  std::cout << "Frechet distance: " << example::fixed(results.quality.frechet_distance, 2) << ", "
            << example::fixed(results.frechet_ratio(), 2) << " times that of real images\n"
            << "classifier score: " << example::fixed(results.quality.classifier_score, 3) << '\n'
            << "nearest-neighbour test: "
            << example::percent(results.quality.nearest_neighbour_accuracy) << '\n'
            << "nearer to a learned image than 99 of 100 test images: "
            << example::percent(results.memorisation.copies) << '\n'
            << (trouble.empty() ? "" : trouble + "\n")
            << "page: " << (options.out / "index.html").string() << '\n';
}

/// Draws images with a generator that was trained before.
void draw_samples(const Options& options) {
  Gan gan = load_generator(options.weights, options.seed);
  nn::Tensor<float> latent = gan.latent(options.sample, options.seed);
  const std::vector<Image> images = pictures_of(gan.draw(latent).view());
  const auto columns =
      static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(options.sample))));
  const auto file = options.out / "samples.png";
  nn::viz::write_png(file, nn::viz::image_grid(images, columns, {.gap = 4}));
  std::cout << example::counted(options.sample, "image") << ": " << file.string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part4_gan", "Trains a pair of networks that learn to draw digits.",
                            options, {.epochs = 6, .quick_epochs = 3});
  line.choice("--model", options.model, {"dcgan", "mlp"}, "the networks");
  line.choice("--loss", options.loss, {"non-saturating", "least-squares"}, "the generator's cost");
  line.flag("--unconditional", options.unconditional, "do not tell the pair which digit is drawn");
  line.flag("--width", options.width, "channels of the dcgan at 14x14 pixels");
  line.flag("--batch", options.batch, "real images in a step");
  line.flag("--resume", options.resume, "go on from the checkpoint in --out");
  line.flag("--judge", options.judge,
            "the file of the judging classifier, trained if it is not there");
  line.flag("--sample", options.sample, "only draw so many images, with the generator --weights");
  line.flag("--weights", options.weights, "a generator.safetensors of an earlier run");
  return example::run_program(line, argc, argv, [&] {
    nn::require(options.width > 0 && options.batch > 1,
                "--width and --batch take positive numbers, --batch 2 at least");
    nn::require((options.sample > 0) == !options.weights.empty(),
                "--sample N and --weights FILE go together");
    if (options.sample > 0) return draw_samples(options);
    study(options);
  });
}
