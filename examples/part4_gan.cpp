// Part 4: trains a pair of networks that learn to draw digits, clothes or photographs, and measures
// how well they do it.

#include <nn/io/safetensors.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/image.hpp>

#include <iostream>

#include "support/classifier.hpp"
#include "support/floor.hpp"
#include "support/gan.hpp"
#include "support/gan_drawings.hpp"
#include "support/gan_files.hpp"
#include "support/judge.hpp"
#include "support/template.hpp"

namespace {

using example::GanEpoch;
using example::Metrics;
using nn::Dataset;
using nn::Index;
using nn::viz::Image;

struct Options : example::Flags {
  std::string only;  ///< the name of a class, or empty: all
  bool validate = false;
  std::string model = "dcgan";
  std::string loss = "non-saturating";
  bool unconditional = false;
  bool augment = false;
  Index width = 0;
  Index batch = 32;
  double penalty = -1;
  double noise = -1;
  double learning_rate = 0;
  double decay = -1;
  bool resume = false;
  std::filesystem::path judge;
  Index sample = 0;
  std::filesystem::path weights;
};

/// How the pair learns from a data set, as images held out of it chose (--validate); flags that are
/// given change it.
struct Recipe {
  Index epochs;
  Index judge_epochs;
  double decay;  ///< the share of the training, at its end, in which the learning rate falls
  example::GanOptions gan;
};

Recipe recipe_of(const Options& options) {
  Recipe recipe{.epochs = 12,
                .judge_epochs = 4,
                .decay = 0.7,
                .gan = {.width = 32, .noise = 0, .penalty = 0.02}};
  if (options.model == "mlp") {  // whose discriminator has Dropout
    recipe.decay = 0;
    recipe.gan.penalty = 0;
    recipe.gan.noise = 0.25;
  }
  if (options.dataset != "mnist") recipe.judge_epochs = 6;
  if (options.dataset == "cifar-10") {
    recipe.epochs = options.only.empty() ? 20 : 60;
    recipe.gan.augmentation = !options.only.empty();
    recipe.decay = 0;
  }
  if (options.quick) {
    recipe.epochs = 3;
    recipe.judge_epochs = 2;
  }
  if (options.epochs > 0) recipe.epochs = options.epochs;
  example::GanOptions& gan = recipe.gan;
  gan.model = options.model;
  gan.loss = options.loss;
  gan.seed = options.seed;
  if (options.width > 0) gan.width = options.width;
  if (options.penalty >= 0) gan.penalty = options.penalty;
  if (options.noise >= 0) gan.noise = options.noise;
  if (options.augment) gan.augmentation = true;
  if (options.decay >= 0) recipe.decay = options.decay;
  if (options.learning_rate > 0) gan.learning_rate = options.learning_rate;
  return recipe;
}

/// How many images the steps of the study take.
struct Sizes {
  Index training;   ///< to learn from
  Index compared;   ///< generated and test images that are compared with each other
  Index memorised;  ///< of which the nearest training image is looked for
};

Sizes sizes_of(const Options& options) {
  if (options.quick) return {options.dataset == "cifar-10" ? 4000 : 10000, 1000, 200};
  return {60000, 10000, 2000};
}

/// What is learnt from and compared with: all classes, or one.
struct Images {
  nn::TrainTest all;           ///< for the judge
  Dataset train, test;         ///< for the pair
  std::vector<Index> classes;  ///< that the pair learns
};

Images load(const Options& options) {
  const Sizes sizes = sizes_of(options);
  const nn::Normalization range{{0.5}, {0.5}};  // from -1 to 1, as tanh has it
  nn::TrainTest all = example::load_images(options);
  if (options.validate) {
    const Index held_out = std::min(sizes.compared, all.train.size() / 5);
    all.test = all.train.slice(all.train.size() - held_out, held_out)
                   .with_name(all.train.name() + ", held out");
    all.train = all.train.slice(0, all.train.size() - held_out);
  }
  all.train =
      all.train.with_normalization(range).slice(0, std::min(sizes.training, all.train.size()));
  all.test = all.test.with_normalization(range).slice(0, std::min(sizes.compared, all.test.size()));
  Images images{all, all.train, all.test, {}};
  const std::vector<std::string>& names = all.train.class_names();
  for (Index k = 0; k < all.train.classes(); ++k) {
    if (options.only.empty() || names[static_cast<std::size_t>(k)] == options.only) {
      images.classes.push_back(k);
    }
  }
  nn::require(!images.classes.empty(), "--class ", options.only, ": ", options.dataset,
              " has no such class; it has ", example::listed(names));
  if (!options.only.empty()) {
    const auto label = static_cast<nn::Label>(images.classes.front());
    images.train = nn::images_of_class(all.train, label);
    images.test = nn::images_of_class(all.test, label);
  }
  return images;
}

// ---- the training ----

using Gan = example::Gan<float>;

/// 1, and near the end of the training falling along a line, to where it still changes something.
double rate_factor(const Recipe& recipe, Index step, Index steps) {
  const double left = 1 - static_cast<double>(step) / static_cast<double>(steps);
  return left < recipe.decay ? std::max(0.02, left / recipe.decay) : 1;
}

/// One epoch of the game.
GanEpoch play_epoch(Gan& gan, nn::Loader<float>& loader, Index epoch, const Recipe& recipe,
                    example::Progress& progress) {
  const example::Stopwatch watch;
  GanEpoch sum;
  Index batches = 0;
  for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
    const Index step = epoch * loader.batches() + batches;
    gan.scale_learning_rate(rate_factor(recipe, step, recipe.epochs * loader.batches()));
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
  const Recipe recipe = recipe_of(options);
  const example::GanOptions& gan = recipe.gan;
  const std::string falling =
      recipe.decay > 0 ? nn::text(", falling in the last ", recipe.decay, " of ", recipe.epochs)
                       : "";
  return nn::text(options.dataset, options.only.empty() ? "" : ", class ", options.only,
                  options.validate ? ", validation" : "", ", ", gan.model, ", ", gan.loss,
                  ", width ", gan.width, ", batch ", options.batch, ", penalty ", gan.penalty,
                  ", noise ", gan.noise, ", learning rate ", gan.learning_rate, falling,
                  gan.augmentation ? ", augmented" : "",
                  options.unconditional ? ", unconditional" : "", ", seed ", options.seed,
                  options.quick ? ", quick" : "");
}

void save_checkpoint(const std::filesystem::path& file, const Options& options, const Gan& gan,
                     const std::vector<GanEpoch>& records) {
  nn::Checkpoint checkpoint;
  checkpoint.set("settings", std::string_view(settings_of(options)));
  checkpoint.set("generator", gan.generator);
  checkpoint.set("discriminator", gan.discriminator);
  checkpoint.set("generator_optimizer", gan.generator_optimizer);
  checkpoint.set("discriminator_optimizer", gan.discriminator_optimizer);
  checkpoint.set("average", gan.average);
  checkpoint.set("records", std::span<const GanEpoch>(records));
  checkpoint.save(file);
}

/// Goes on where a checkpoint was made; what came before is returned.
std::vector<GanEpoch> load_checkpoint(const std::filesystem::path& file, const Options& options,
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
  return checkpoint.values<GanEpoch>("records");
}

example::GanOptions gan_options(const Options& options, const Images& images) {
  example::GanOptions result = recipe_of(options).gan;
  result.image = images.train.sample_shape();
  if (!options.unconditional && images.classes.size() > 1) {
    result.class_counts = images.train.class_counts();
  }
  return result;
}

// ---- the study ----

double smallest_share(const std::vector<double>& shares, const std::vector<Index>& classes) {
  double least = 1;
  for (const Index k : classes) least = std::min(least, shares[static_cast<std::size_t>(k)]);
  return least;
}

/// Everything that was measured.
struct Results {
  std::vector<GanEpoch> records;
  std::vector<std::string> class_names;
  std::vector<Index> classes;  ///< that the pair learned
  Index compared = 0;          ///< images, generated and real
  double judge_accuracy = 0;
  double judge_seconds = 0;
  example::Floor floor;
  example::Quality quality;
  nn::Memorisation memorisation;

  [[nodiscard]] double seconds() const {
    double sum = 0;
    for (const GanEpoch& record : records) sum += record.seconds;
    return sum;
  }
  /// The share of the rarest class among those that the pair learned.
  [[nodiscard]] double rarest() const { return smallest_share(quality.class_shares, classes); }
  [[nodiscard]] double frechet_ratio() const {
    return quality.frechet_distance / floor.frechet_distance;
  }
};

/// What the numbers say has gone wrong, of several things the worst; empty when nothing has.
std::string collapse(const Results& results) {
  const GanEpoch& last = results.records.back();
  std::string lost;
  for (const Index k : results.classes) {
    const auto at = static_cast<std::size_t>(k);
    const double expected = 1.0 / static_cast<double>(results.classes.size());
    if (results.quality.class_shares[at] < 0.2 * expected) {
      lost += (lost.empty() ? "" : ", ") + results.class_names[at];
    }
  }
  Metrics trouble{{"lost", lost}, {"won", nullptr}, {"copies", nullptr}};
  const bool won = last.real_accuracy > 0.98 && last.generated_accuracy > 0.98;
  if (lost.empty() && won) trouble["won"] = last.generated_accuracy;
  if (lost.empty() && !won && results.memorisation.copies > 0.1) {
    trouble["copies"] = results.memorisation.copies;
  }
  return example::text_of("part4_gan_collapse", trouble);
}

/// Plays the game, epoch after epoch, measuring and drawing after each.
std::vector<GanEpoch> play(const Options& options, Gan& gan, const Images& images,
                           const example::QualityMeter& meter) {
  const Recipe recipe = recipe_of(options);
  const std::filesystem::path checkpoint = options.out / "gan.checkpoint";
  const nn::Tensor<float> latent = example::fixed_latent(gan, 10);
  std::vector<GanEpoch> records;
  if (options.resume && std::filesystem::exists(checkpoint)) {
    records = load_checkpoint(checkpoint, options, gan);
  } else {
    example::draw_grid(options.out / "epoch_00.png", gan, latent);
  }
  nn::Loader<float> loader(images.train,
                           {.batch_size = options.batch, .drop_last = true, .seed = options.seed});
  example::Progress progress(recipe.epochs * loader.batches(), {.steps_per_epoch = loader.batches(),
                                                                .images_per_step = options.batch});
  while (static_cast<Index>(records.size()) < recipe.epochs) {
    const auto epoch = static_cast<Index>(records.size());
    GanEpoch record = play_epoch(gan, loader, epoch, recipe, progress);
    const example::Quality quality = meter(gan.draw(gan.latent(images.test.size(), options.seed)));
    record.classifier_score = quality.classifier_score;
    record.frechet_distance = quality.frechet_distance;
    record.nearest_neighbour_accuracy = quality.nearest_neighbour_accuracy;
    record.smallest_share = smallest_share(quality.class_shares, images.classes);
    records.push_back(record);
    progress.note("  Frechet distance " + example::fixed(record.frechet_distance, 2) +
                  ", classifier score " + example::fixed(record.classifier_score, 2) +
                  ", nearest neighbours " + example::percent(record.nearest_neighbour_accuracy, 1));
    const std::string number = (epoch < 9 ? "0" : "") + std::to_string(epoch + 1);
    example::draw_grid(options.out / ("epoch_" + number + ".png"), gan, latent);
    save_checkpoint(checkpoint, options, gan, records);
  }
  progress.finish();
  return records;
}

// ---- the page ----

Metrics metrics_of(const Options& options, const Gan& gan, const Results& results) {
  Metrics metrics;
  metrics["dataset"] = options.dataset;
  if (!options.only.empty()) metrics["class"] = options.only;
  if (options.validate) metrics["validation"] = true;
  metrics["quick"] = options.quick;
  metrics["judge_accuracy"] = results.judge_accuracy;
  metrics["class_names"] = results.class_names;
  metrics["class_shares"] = results.quality.class_shares;
  metrics["class_shares_real"] = results.floor.class_shares;
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
  metrics["penalty"] = gan.options().penalty;
  metrics["decay"] = recipe_of(options).decay;
  metrics["augmentation"] = gan.options().augmentation;
  metrics["batch_size"] = options.batch;
  metrics["compared"] = results.compared;
  metrics["epochs"] = results.records.size();
  metrics["train_seconds"] = results.seconds();
  metrics["judge_seconds"] = results.judge_seconds;
  metrics["seed"] = options.seed;
  for (const GanEpoch& record : results.records) {
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
  return metrics;
}

/// What the page says beside the metrics.
Metrics findings_of(const Options& options, const Gan& gan, const Results& results) {
  const GanEpoch& last = results.records.back();
  const example::GanOptions& pair = gan.options();
  const nn::Shape& image = pair.image;
  const auto size = [&](Index level) {
    return std::to_string(image[0] >> level) + "x" + std::to_string(image[1] >> level);
  };
  std::vector<std::string> larger;
  const Index levels = example::halvings(image);
  for (Index level = levels - 1; level >= 0; --level) larger.push_back(size(level));
  Index convolutions = 0;
  for (const nn::Plan& plan : gan.discriminator.plan().children) {
    if (plan.name.starts_with("Conv2D")) ++convolutions;
  }
  const bool one = results.classes.size() == 1;
  const double decay = recipe_of(options).decay;
  return {
      {"is",
       {{"mnist", options.dataset == "mnist"},
        {"fashion", options.dataset == "fashion-mnist"},
        {"cifar", options.dataset == "cifar-10"}}},
      {"kind", options.dataset == "mnist" ? "digit" : "class"},
      {"one", one ? Metrics({{"name", options.only},
                             {"taken", results.rarest()},
                             {"real", smallest_share(results.floor.class_shares, results.classes)}})
                  : Metrics()},
      {"compared_name",
       options.validate ? "images held out of the training set" : "the test images"},
      {"all_epochs", example::shown_epochs(results.records.size()).size() > results.records.size()},
      {"few_epochs", results.records.size() <= 20},
      {"classes", results.class_names.size()},
      {"names", example::listed(results.class_names)},
      {"smallest", size(levels)},
      {"larger", example::listed(larger)},
      {"pixels", image.size()},
      {"refined", pair.penalty > 0},
      {"convolutions", convolutions},
      {"penalised", pair.penalty > 0 ? Metrics({{"weight", nn::text(pair.penalty)},
                                                {"every", pair.penalty_every}})
                                     : Metrics()},
      {"noisy", pair.noise > 0},
      {"changed", pair.augmentation},
      {"learning_rate", nn::text(pair.learning_rate)},
      {"falling", decay > 0 ? Metrics(decay) : Metrics()},
      {"beta1", nn::text(pair.beta1)},
      {"latent", gan.options().latent},
      {"convolutional", options.model == "dcgan"},
      {"squares", options.loss == "least-squares"},
      {"last",
       {{"real_accuracy", last.real_accuracy}, {"generated_accuracy", last.generated_accuracy}}},
      {"open", last.generated_accuracy < 0.9},
      {"rarest", results.rarest()}};
}

/// The classifier that judges what is drawn, trained or read from its file.
example::Judge make_judge(const Options& options, const nn::TrainTest& images, Results& results) {
  const auto file = options.judge.empty() ? options.out / "judge.safetensors" : options.judge;
  const Index epochs = recipe_of(options).judge_epochs;
  const Index steps = (images.train.size() + 127) / 128;
  std::cout << "The judge, a classifier" << std::endl;
  const example::Stopwatch watch;
  example::Progress progress(epochs * steps, {.steps_per_epoch = steps, .images_per_step = 128});
  example::Judge judge(images.train, {.weights = file,
                                      .epochs = epochs,
                                      .flip = options.dataset != "mnist",
                                      .callbacks = {example::show(progress)}});
  progress.finish();
  results.judge_seconds = watch.seconds();
  results.judge_accuracy = judge.accuracy(images.test);
  std::cout << "its accuracy: " << example::percent(results.judge_accuracy) << std::endl;
  return judge;
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Images images = load(options);
  Results results;
  results.class_names = images.train.class_names();
  results.classes = images.classes;
  results.compared = images.test.size();
  const example::Judge judge = make_judge(options, images.all, results);
  const nn::Tensor<float> test = images.test.inputs();
  const example::QualityMeter meter(judge, test);
  results.floor = example::measure_floor(meter, images.train, images.test.size());

  Gan gan(gan_options(options, images));
  std::cout << "The game" << std::endl;
  results.records = play(options, gan, images, meter);
  example::save_generator(options.out / "generator.safetensors", gan);

  const nn::Tensor<float> generated = gan.draw(gan.latent(images.test.size(), options.seed + 1000));
  results.quality = meter(generated);
  const nn::Tensor<float> training = images.train.inputs();
  const Index looked_at = std::min(sizes_of(options).memorised, images.test.size());
  results.memorisation =
      nn::memorisation(training, test.samples(0, looked_at), generated.samples(0, looked_at));

  example::draw_strip(options, gan.options().image[0], results.records.size());
  example::draw_grid(options.out / "last.png", gan, example::fixed_latent(gan, 10));
  example::draw_lines(options.out / "lines.png", gan);
  example::draw_nearest(options.out / "nearest.png", generated, training, results.memorisation);
  example::draw_curves(options, results.records);
  Metrics values = metrics_of(options, gan, results);
  example::write_metrics(options.out, values);
  values.update(findings_of(options, gan, results));
  example::Page page = example::page_of(
      "part4_gan", values,
      {{"generator", example::network_table(gan.generator.plan(), "The generator.")},
       {"discriminator", example::network_table(gan.discriminator.plan(), "The discriminator.")}});
  example::add_facts(page, options, images.train);
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);

  const std::string trouble = collapse(results);
  std::cout << "Frechet distance: " << example::fixed(results.quality.frechet_distance, 2) << ", "
            << example::fixed(results.frechet_ratio(), 2) << " times that of real images\n"
            << "classifier score: " << example::fixed(results.quality.classifier_score, 3) << '\n'
            << "nearest-neighbour test: "
            << example::percent(results.quality.nearest_neighbour_accuracy) << '\n'
            << "nearer to a training image than 99 of 100 test images: "
            << example::percent(results.memorisation.copies) << '\n'
            << (trouble.empty() ? "" : trouble + "\n")
            << "page: " << (options.out / "index.html").string() << '\n';
}

/// Draws images with a generator that was trained before.
void draw_samples(const Options& options) {
  Gan gan = example::load_generator(options.weights, options.seed);
  nn::Tensor<float> latent = gan.latent(options.sample, options.seed);
  const std::vector<Image> images = example::pictures_of(gan.draw(latent).view());
  const auto columns =
      static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(options.sample))));
  const auto file = options.out / "samples.png";
  nn::viz::write_png(file, nn::viz::image_grid(images, columns, {.gap = 4}));
  std::cout << example::counted(options.sample, "image") << ": " << file.string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.dataset = "mnist";
  example::CommandLine line("part4_gan",
                            "Trains a pair of networks that learn to draw digits, clothes or "
                            "photographs.",
                            options);
  line.choice("--dataset", options.dataset, {"mnist", "fashion-mnist", "cifar-10"},
              "the images to learn from");
  line.flag("--class", options.only, "learn from the images of one class, such as automobile");
  line.flag("--epochs", options.epochs, "passes over the training set (0: as the data set needs)");
  line.flag("--validate", options.validate,
            "compare with images held out of the training set in place of the test set");
  line.choice("--model", options.model, {"dcgan", "mlp"}, "the networks");
  line.choice("--loss", options.loss, {"non-saturating", "least-squares"}, "the generator's loss");
  line.flag("--unconditional", options.unconditional, "do not tell the pair which class is drawn");
  line.flag("--width", options.width,
            "channels of the dcgan at half the size (0: as the data set needs)");
  line.flag("--penalty", options.penalty,
            "on the discriminator's gradient at real images (R1; -1: as the data set needs)");
  line.flag("--noise", options.noise,
            "the deviation of the noise on what the discriminator sees (-1: likewise)");
  line.flag("--augment", options.augment, "let the discriminator see images changed at random");
  line.flag("--rate", options.learning_rate, "the learning rate (0: likewise)");
  line.flag("--decay", options.decay,
            "the share of the training, at its end, in which the rate falls (-1: likewise)");
  line.flag("--batch", options.batch, "real images in a step");
  line.flag("--resume", options.resume, "go on from the checkpoint in --out");
  line.flag("--judge", options.judge,
            "the file of the judging classifier, trained if it is not there");
  line.flag("--sample", options.sample, "only draw so many images, with the generator --weights");
  line.flag("--weights", options.weights, "a generator.safetensors of an earlier run");
  return example::run_program(line, argc, argv, [&] {
    nn::require(options.width >= 0 && options.batch > 1 && options.epochs >= 0,
                "--width and --epochs take numbers from 0 on, --batch from 2 on");
    nn::require((options.sample > 0) == !options.weights.empty(),
                "--sample N and --weights FILE go together");
    if (options.sample > 0) return draw_samples(options);
    study(options);
  });
}
