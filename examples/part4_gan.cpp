// Part 4: trains a pair of networks that learn to draw digits, and measures how well they do it.

#include <nn/io/safetensors.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/image.hpp>

#include <iostream>

#include "support/classifier.hpp"
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
  Index training;   ///< to learn from
  Index compared;   ///< generated and test images that are compared with each other
  Index memorised;  ///< of which the nearest training image is looked for
  Index judge_epochs;
};

Sizes sizes_of(const Options& options) {
  if (options.quick) return {10000, 1000, 200, 2};
  return {60000, 10000, 2000, 4};
}

/// What real images come to, by the same measures.
struct Floor {
  double frechet_distance = 0;
  double nearest_neighbour_accuracy = 0;
  double classifier_score = 0;
};

// ---- the training ----

using Gan = example::Gan<float>;

/// One epoch of the game.
GanEpoch play_epoch(Gan& gan, nn::Loader<float>& loader, Index epoch, example::Progress& progress) {
  const example::Stopwatch watch;
  GanEpoch sum;
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

example::GanOptions gan_options(const Options& options, const Dataset& training) {
  example::GanOptions result{.model = options.model, .loss = options.loss, .width = options.width};
  if (!options.unconditional) result.class_counts = training.class_counts();
  result.seed = options.seed;
  return result;
}

// ---- the study ----

/// Everything that was measured.
struct Results {
  std::vector<GanEpoch> records;
  double judge_accuracy = 0;
  double judge_seconds = 0;
  Floor floor;
  example::Quality quality;
  nn::Memorisation memorisation;

  [[nodiscard]] double seconds() const {
    double sum = 0;
    for (const GanEpoch& record : records) sum += record.seconds;
    return sum;
  }
  [[nodiscard]] double frechet_ratio() const {
    return quality.frechet_distance / floor.frechet_distance;
  }
};

/// What the numbers say has gone wrong, of several things the worst; empty when nothing has.
std::string collapse(const Results& results) {
  const GanEpoch& last = results.records.back();
  std::string lost;
  for (std::size_t k = 0; k < results.quality.class_shares.size(); ++k) {
    if (results.quality.class_shares[k] < 0.02)
      lost += (lost.empty() ? "" : ", ") + std::to_string(k);
  }
  Metrics trouble{{"lost", lost}, {"won", nullptr}, {"copies", nullptr}};
  const bool won = last.real_accuracy > 0.98 && last.generated_accuracy > 0.98;
  if (lost.empty() && won) trouble["won"] = last.generated_accuracy;
  if (lost.empty() && !won && results.memorisation.copies > 0.1) {
    trouble["copies"] = results.memorisation.copies;
  }
  return example::text_of("part4_gan_collapse", trouble);
}

/// The images of a data set at random places, as a network takes them.
nn::Tensor<float> random_inputs(const Dataset& data, Index count, std::uint64_t seed) {
  std::vector<Index> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), Index{0});
  nn::Random(seed, 55U).shuffle(std::span<Index>(order));
  order.resize(static_cast<std::size_t>(std::min(count, data.size())));
  return data.subset(order).inputs();
}

/// Real images by the same measures: the mean of three draws from the training set.
Floor measure_floor(const example::QualityMeter& meter, const Dataset& training, Index count) {
  Floor floor;
  constexpr std::uint64_t draws = 3;
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    const example::Quality real = meter(random_inputs(training, count, draw));
    floor.frechet_distance += real.frechet_distance / draws;
    floor.nearest_neighbour_accuracy += real.nearest_neighbour_accuracy / draws;
    floor.classifier_score += real.classifier_score / draws;
  }
  return floor;
}

/// Plays the game, epoch after epoch, measuring and drawing after each.
std::vector<GanEpoch> play(const Options& options, Gan& gan, const Dataset& training,
                           const example::QualityMeter& meter) {
  const std::filesystem::path checkpoint = options.out / "gan.checkpoint";
  const nn::Tensor<float> latent = example::fixed_latent(gan, 10);
  std::vector<GanEpoch> records;
  if (options.resume && std::filesystem::exists(checkpoint)) {
    records = load_checkpoint(checkpoint, options, gan);
  } else {
    example::draw_grid(options.out / "epoch_00.png", gan, latent);
  }
  nn::Loader<float> loader(training,
                           {.batch_size = options.batch, .drop_last = true, .seed = options.seed});
  example::Progress progress(
      options.epochs * loader.batches(),
      {.steps_per_epoch = loader.batches(), .images_per_step = options.batch});
  while (static_cast<Index>(records.size()) < options.epochs) {
    const auto epoch = static_cast<Index>(records.size());
    GanEpoch record = play_epoch(gan, loader, epoch, progress);
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
    example::draw_grid(options.out / ("epoch_" + number + ".png"), gan, latent);
    save_checkpoint(checkpoint, options, gan, records);
  }
  progress.finish();
  return records;
}

// ---- the page ----

Metrics metrics_of(const Options& options, const Gan& gan, const Results& results) {
  Metrics metrics;
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
  const std::vector<double>& shares = results.quality.class_shares;
  return {
      {"latent", gan.options().latent},
      {"convolutional", options.model == "dcgan"},
      {"squares", options.loss == "least-squares"},
      {"batch_size", options.batch},
      {"last",
       {{"real_accuracy", last.real_accuracy}, {"generated_accuracy", last.generated_accuracy}}},
      {"open", last.generated_accuracy < 0.9},
      {"compared", sizes_of(options).compared},
      {"rarest", *std::min_element(shares.begin(), shares.end())}};
}

/// The classifier that judges what is drawn, trained or read from its file.
example::Judge make_judge(const Options& options, const nn::TrainTest& digits, Results& results) {
  const auto file = options.judge.empty() ? options.out / "judge.safetensors" : options.judge;
  const Index epochs = sizes_of(options).judge_epochs;
  const Index steps = (digits.train.size() + 127) / 128;
  std::cout << "The judge, a classifier of digits" << std::endl;
  const example::Stopwatch watch;
  example::Progress progress(epochs * steps, {.steps_per_epoch = steps, .images_per_step = 128});
  example::Judge judge(digits.train,
                       {.weights = file, .epochs = epochs, .callbacks = {example::show(progress)}});
  progress.finish();
  results.judge_seconds = watch.seconds();
  results.judge_accuracy = judge.accuracy(digits.test);
  return judge;
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Sizes sizes = sizes_of(options);
  const nn::Normalization range{{0.5}, {0.5}};  // from -1 to 1, as tanh has it
  nn::TrainTest digits = nn::load_mnist(example::dataset_folder(options.data, "mnist"));
  digits.train = digits.train.with_normalization(range).slice(
      0, std::min(sizes.training, digits.train.size()));
  digits.test =
      digits.test.with_normalization(range).slice(0, std::min(sizes.compared, digits.test.size()));

  Results results;
  const example::Judge judge = make_judge(options, digits, results);
  const nn::Tensor<float> test = digits.test.inputs();
  const example::QualityMeter meter(judge, test);
  results.floor = measure_floor(meter, digits.train, digits.test.size());

  Gan gan(gan_options(options, digits.train));
  std::cout << "The game" << std::endl;
  results.records = play(options, gan, digits.train, meter);
  example::save_generator(options.out / "generator.safetensors", gan);

  const nn::Tensor<float> generated = gan.draw(gan.latent(digits.test.size(), options.seed + 1000));
  results.quality = meter(generated);
  const nn::Tensor<float> training = digits.train.inputs();
  const Index looked_at = std::min(sizes.memorised, digits.test.size());
  results.memorisation =
      nn::memorisation(training, test.samples(0, looked_at), generated.samples(0, looked_at));

  example::draw_strip(options, results.records.size());
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
  example::add_facts(page, options, digits.train);
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
  example::CommandLine line("part4_gan", "Trains a pair of networks that learn to draw digits.",
                            options, {.epochs = 6, .quick_epochs = 3});
  line.choice("--model", options.model, {"dcgan", "mlp"}, "the networks");
  line.choice("--loss", options.loss, {"non-saturating", "least-squares"}, "the generator's loss");
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
