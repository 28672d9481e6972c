// Part 4: two more networks that learn to draw digits, by flow matching and as a variational
// autoencoder, and how they compare with the pair of part4_gan.

#include <nn/io/safetensors.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/image.hpp>

#include <iostream>
#include <sstream>

#include "support/autoencoder.hpp"
#include "support/classifier.hpp"
#include "support/floor.hpp"
#include "support/flow.hpp"
#include "support/gan_files.hpp"
#include "support/generator_drawings.hpp"
#include "support/template.hpp"

namespace {

using example::Autoencoder;
using example::Flow;
using example::Gan;
using example::Metrics;
using example::Solver;
using nn::Dataset;
using nn::Index;

struct Options : example::Flags {
  Index autoencoder_epochs = 0;
  Index width = 32;
  Index batch = 32;
  Index steps = 10;
  double guidance = 1.25;
  std::string predict = "image";
  bool validate = false;
  bool resume = false;
  std::filesystem::path judge;
  std::filesystem::path gan;
};

/// How many images the steps of the study take.
struct Sizes {
  Index training;   ///< to learn from
  Index compared;   ///< generated and test images that are compared with each other
  Index by_steps;   ///< the same, for each number of steps
  Index memorised;  ///< of which the nearest training image is looked for
  Index judge_epochs;
  Index autoencoder_epochs;
};

Sizes sizes_of(const Options& options) {
  Sizes sizes{60000, 10000, 2000, 2000, 4, 6};
  if (options.quick) sizes = {2000, 400, 200, 100, 2, 2};
  if (options.autoencoder_epochs > 0) sizes.autoencoder_epochs = options.autoencoder_epochs;
  return sizes;
}

/// The images to learn from and those to be like, with pixels from -1 to 1.
nn::TrainTest load_digits(const Options& options) {
  const Sizes sizes = sizes_of(options);
  nn::TrainTest digits = nn::load_mnist(example::dataset_folder(options.data, "mnist"));
  if (options.validate) {
    const Index learned = digits.train.size() * 5 / 6;
    digits.test = digits.train.slice(learned, digits.train.size() - learned);
    digits.train = digits.train.slice(0, learned);
  }
  for (Dataset* set : {&digits.train, &digits.test}) {
    const Index count = set == &digits.train ? sizes.training : sizes.compared;
    *set = set->with_normalization({{0.5}, {0.5}}).slice(0, std::min(count, set->size()));
  }
  return digits;
}

// ---- the trainings ----

/// One epoch, in numbers that a checkpoint keeps as they are.
struct Epoch {
  double loss = 0;
  double seconds = 0;
};

double seconds_of(const std::vector<Epoch>& records) {
  double sum = 0;
  for (const Epoch& record : records) sum += record.seconds;
  return sum;
}

/// One epoch of either: `step(images, labels, factor of the learning rate)` returns a loss.
template <class Step>
Epoch train_epoch(nn::Loader<float>& loader, Index epoch, Index epochs, example::Progress& progress,
                  const Step& step) {
  const example::Stopwatch watch;
  const nn::Schedule schedule = nn::one_cycle_schedule();
  Epoch record;
  Index batches = 0;
  for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
    const Index number = epoch * loader.batches() + batches;
    const double loss =
        step(batch.inputs, batch.labels, schedule(number, epochs * loader.batches()));
    nn::require<nn::DivergenceError>(std::isfinite(loss), "the training diverged at step ",
                                     number + 1, ": the loss is ", loss);
    record.loss += loss;
    ++batches;
    progress.update(number + 1, record.loss / static_cast<double>(batches),
                    std::numeric_limits<double>::quiet_NaN());
  }
  record.loss /= static_cast<double>(batches);
  record.seconds = watch.seconds();
  return record;
}

std::vector<Epoch> train(Autoencoder<float>& pair, const Options& options, const Dataset& digits) {
  const Index epochs = sizes_of(options).autoencoder_epochs;
  nn::Loader<float> loader(
      digits,
      {.batch_size = 2 * options.batch, .drop_last = true, .seed = nn::Random(options.seed, 6U)()});
  example::Progress progress(epochs * loader.batches(), {.steps_per_epoch = loader.batches(),
                                                         .images_per_step = 2 * options.batch});
  std::vector<Epoch> records;
  for (Index epoch = 0; epoch < epochs; ++epoch) {
    const auto step = [&](auto images, auto labels, double factor) {
      return pair.step(images, labels, factor).total;
    };
    records.push_back(train_epoch(loader, epoch, epochs, progress, step));
  }
  progress.finish();
  return records;
}

/// What makes the result of a flow's training.
std::string settings_of(const Options& options, const Dataset& digits) {
  return nn::text("flow, ", options.predict, ", width ", options.width, ", batch ", options.batch,
                  ", epochs ", options.epochs, ", images ", digits.size(), ", seed ", options.seed);
}

void save_checkpoint(const std::filesystem::path& file, const std::string& settings,
                     const Flow<float>& flow, const std::vector<Epoch>& records) {
  nn::Checkpoint checkpoint;
  checkpoint.set("settings", std::string_view(settings));
  checkpoint.set("model", flow.model);
  checkpoint.set("optimizer", flow.optimizer);
  checkpoint.set("average", flow.average);
  checkpoint.set("records", std::span<const Epoch>(records));
  checkpoint.save(file);
}

/// Goes on where a checkpoint was made; what came before is returned.
std::vector<Epoch> load_checkpoint(const std::filesystem::path& file, const std::string& settings,
                                   Flow<float>& flow) {
  const auto checkpoint = nn::Checkpoint::load(file);
  nn::require<nn::FileError>(checkpoint.text("settings") == settings, file.string(),
                             " belongs to another training: ", checkpoint.text("settings"),
                             "; this one is ", settings);
  checkpoint.get("model", flow.model);
  checkpoint.get("optimizer", flow.optimizer);
  checkpoint.get("average", flow.average);
  return checkpoint.values<Epoch>("records");
}

/// What the flow draws after an epoch, from the same noise each time.
void draw_epoch(const Options& options, Flow<float>& flow, std::size_t epoch) {
  const std::string number = (epoch < 10 ? "0" : "") + std::to_string(epoch);
  const nn::Tensor<float> images = flow.draw(example::digits_in_columns(flow, 1));
  nn::viz::write_png(
      options.out / ("epoch_" + number + ".png"),
      nn::viz::image_grid(example::pictures_of(images.view()), 10, {.scale = 2, .gap = 4}));
}

std::vector<Epoch> train(Flow<float>& flow, const Options& options, const Dataset& digits) {
  const std::filesystem::path checkpoint = options.out / "flow.checkpoint";
  const std::string settings = settings_of(options, digits);
  std::vector<Epoch> records;
  if (options.resume && std::filesystem::exists(checkpoint)) {
    records = load_checkpoint(checkpoint, settings, flow);
  } else {
    draw_epoch(options, flow, 0);
  }
  nn::Loader<float> loader(digits,
                           {.batch_size = options.batch, .drop_last = true, .seed = options.seed});
  example::Progress progress(
      options.epochs * loader.batches(),
      {.steps_per_epoch = loader.batches(), .images_per_step = options.batch});
  while (static_cast<Index>(records.size()) < options.epochs) {
    const auto step = [&](auto images, auto labels, double factor) {
      return flow.step(images, labels, factor);
    };
    records.push_back(
        train_epoch(loader, static_cast<Index>(records.size()), options.epochs, progress, step));
    draw_epoch(options, flow, records.size());
    save_checkpoint(checkpoint, settings, flow, records);
  }
  progress.finish();
  return records;
}

// ---- the measurements ----

/// A generator, what it took, and how good it is.
struct Row {
  std::string name;
  Index parameters = 0;  ///< of the network that draws
  Index epochs = 0;
  double train_seconds = 0;
  double draw_seconds = 0;  ///< for all images that were compared
  example::Quality quality = {};
  nn::Memorisation memorisation = {};
};

/// What generators are compared by.
struct Study {
  const Options& options;
  const nn::TrainTest& digits;
  const example::QualityMeter& meter;
  nn::Tensor<float> training, test;

  /// Draws images and measures them.
  template <class Generator>
  void measure(Row& row, Generator& generator, nn::Tensor<float>* keep = nullptr) const {
    const nn::Tensor<float> latent = generator.latent(test.shape()[0], options.seed + 1000);
    const example::Stopwatch watch;
    nn::Tensor<float> images = generator.draw(latent);
    row.draw_seconds = watch.seconds();
    row.quality = meter(images);
    const Index looked_at = std::min(sizes_of(options).memorised, test.shape()[0]);
    row.memorisation =
        nn::memorisation(training, test.samples(0, looked_at), images.samples(0, looked_at));
    if (keep != nullptr) *keep = std::move(images);
    std::cout << row.name << ": Frechet distance "
              << example::fixed(row.quality.frechet_distance, 2) << ", classifier score "
              << example::fixed(row.quality.classifier_score, 2) << ", nearest neighbours "
              << example::percent(row.quality.nearest_neighbour_accuracy, 1) << std::endl;
  }
};

/// The generator of part4_gan, if that was run; it needs no training here.
std::optional<Row> measure_gan(const Options& options, const Study& study) {
  const std::filesystem::path file = options.gan / "metrics.json";  // the last that it writes
  if (!std::filesystem::exists(file)) {
    std::cout << "There is no " << file.string() << ": part4_gan is left out" << std::endl;
    return std::nullopt;
  }
  const Metrics told = Metrics::parse(nn::read_file(file, 1 << 20));
  Gan<float> gan = example::load_generator(options.gan / "generator.safetensors", options.seed);
  Row row{.name = "Generative adversarial networks",
          .parameters = example::parameter_count(gan.generator),
          .epochs = told.at("epochs").get<Index>(),
          .train_seconds = told.at("train_seconds").get<double>()};
  study.measure(row, gan);
  example::draw_digits(options.out / "gan.png", gan);
  example::draw_ways(options.out / "gan_ways.png", gan, example::mix_straight);
  return row;
}

Row study_autoencoder(const Options& options, const Study& study, std::vector<Epoch>& records) {
  std::cout << "The autoencoder" << std::endl;
  Autoencoder<float> pair(
      {.class_counts = study.digits.train.class_counts(), .seed = options.seed});
  records = train(pair, options, study.digits.train);
  Row row{.name = "Variational autoencoder",
          .parameters = example::parameter_count(pair.decoder),
          .epochs = static_cast<Index>(records.size()),
          .train_seconds = seconds_of(records)};
  study.measure(row, pair);
  example::draw_digits(options.out / "autoencoder.png", pair);
  example::draw_ways(options.out / "autoencoder_ways.png", pair, example::mix_straight);
  return row;
}

/// Of fewer images, what comes of other ways to draw.
struct OtherWays {
  double real = 0;  ///< the Frechet distance of as many real images
  std::vector<example::DrawingRow> by_steps = {};
  std::vector<example::DrawingRow> by_guidance = {};
};

OtherWays measure_other_ways(const Options& options, Flow<float>& flow, const example::Judge& judge,
                             const nn::TrainTest& digits) {
  const Index count = std::min(sizes_of(options).by_steps, digits.test.size());
  const nn::Tensor<float> compared = digits.test.slice(0, count).inputs();
  const example::QualityMeter meter(judge, compared);
  OtherWays ways{.real = example::measure_floor(meter, digits.train, count).frechet_distance};
  const nn::Tensor<float> latent = flow.latent(count, options.seed + 2000);
  const auto measure = [&] {
    const example::Quality quality = meter(flow.draw(latent));
    return example::DrawingRow{.steps = flow.steps,
                               .evaluations = flow.evaluations(),
                               .heun = flow.solver == Solver::heun,
                               .guidance = flow.guidance,
                               .frechet_distance = quality.frechet_distance,
                               .classifier_score = quality.classifier_score};
  };
  const Index most = options.quick ? 4 : 32;
  for (const Solver solver : {Solver::euler, Solver::heun}) {
    const bool heun = solver == Solver::heun;
    for (Index steps = heun ? 2 : 1; steps * (heun ? 2 : 1) <= most; steps *= 2) {
      flow.steps = steps;
      flow.solver = solver;
      ways.by_steps.push_back(measure());
    }
  }
  flow.steps = options.steps;
  flow.solver = Solver::heun;
  const std::vector<double> guidances =
      options.quick ? std::vector{1.0, 1.5} : std::vector{1.0, 1.25, 1.5, 2.0, 3.0};
  for (const double guidance : guidances) {
    flow.guidance = guidance;
    ways.by_guidance.push_back(measure());
  }
  flow.guidance = options.guidance;
  return ways;
}

// ---- the page ----

Metrics metrics_of(const Row& row, double frechet_floor) {
  const std::vector<double>& shares = row.quality.class_shares;
  return {{"name", row.name},
          {"parameters", row.parameters},
          {"epochs", row.epochs},
          {"train_seconds", row.train_seconds},
          {"draw_seconds", row.draw_seconds},
          {"frechet_distance", row.quality.frechet_distance},
          {"frechet_ratio", row.quality.frechet_distance / frechet_floor},
          {"classifier_score", row.quality.classifier_score},
          {"nearest_neighbour_accuracy", row.quality.nearest_neighbour_accuracy},
          {"class_shares", shares},
          {"rarest", *std::min_element(shares.begin(), shares.end())},
          {"memorisation",
           {{"generated_distance", row.memorisation.generated_distance},
            {"test_distance", row.memorisation.test_distance},
            {"copies", row.memorisation.copies}}}};
}

/// The losses of a training, epoch by epoch.
Metrics history_of(const std::vector<Epoch>& records) {
  Metrics history = Metrics::array();
  for (const Epoch& record : records) {
    history.push_back(
        {{"epoch", history.size() + 1}, {"loss", record.loss}, {"seconds", record.seconds}});
  }
  return history;
}

Metrics rows_of(const std::vector<example::DrawingRow>& rows) {
  Metrics result = Metrics::array();
  for (const example::DrawingRow& one : rows) {
    result.push_back({{"steps", one.steps},
                      {"evaluations", one.evaluations},
                      {"solver", one.heun ? "Heun" : "Euler"},
                      {"guidance", one.guidance},
                      {"frechet_distance", one.frechet_distance},
                      {"classifier_score", one.classifier_score}});
  }
  return result;
}

/// The name of the generator with the least of a figure.
std::string least(const Metrics& generators, const std::string& figure) {
  const Metrics* best = &generators.front();
  for (const Metrics& generator : generators) {
    if (generator.at(figure) < best->at(figure)) best = &generator;
  }
  return best->at("name").get<std::string>();
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Sizes sizes = sizes_of(options);
  const nn::TrainTest digits = load_digits(options);
  std::cout << "The judge, a classifier of digits" << std::endl;
  const example::Judge judge(
      digits.train,
      {.weights = options.judge.empty() ? options.out / "judge.safetensors" : options.judge,
       .epochs = sizes.judge_epochs});
  const nn::Tensor<float> test = digits.test.inputs();
  const example::QualityMeter meter(judge, test);
  const Study compared{options, digits, meter, digits.train.inputs(), digits.test.inputs()};
  const example::Floor floor = example::measure_floor(meter, digits.train, digits.test.size());

  std::vector<Row> rows;
  std::optional<Row> gan = measure_gan(options, compared);
  if (gan) rows.push_back(*gan);
  std::vector<Epoch> autoencoder_records;
  rows.push_back(study_autoencoder(options, compared, autoencoder_records));

  std::cout << "The flow" << std::endl;
  Flow<float> flow({.width = options.width,
                    .tells_image = options.predict == "image",
                    .class_counts = digits.train.class_counts(),
                    .seed = options.seed});
  flow.steps = options.steps;
  flow.guidance = options.guidance;
  const std::vector<Epoch> records = train(flow, options, digits.train);
  Row row{.name = "Flow matching",
          .parameters = example::parameter_count(flow.model),
          .epochs = options.epochs,
          .train_seconds = seconds_of(records)};
  nn::Tensor<float> drawn;
  compared.measure(row, flow, &drawn);
  const OtherWays ways = measure_other_ways(options, flow, judge, digits);

  example::draw_digits(options.out / "flow.png", flow);
  example::draw_ways(
      options.out / "flow_ways.png", flow,
      [&](auto from, auto to, double share, auto result) { flow.mix(from, to, share, result); });
  example::draw_path(options.out / "path.png", flow);
  example::draw_steps(options.out / "steps.png", ways.by_steps, ways.real);
  example::draw_strip(options, 28, records.size());
  example::draw_nearest(options.out / "nearest.png", drawn, compared.training, row.memorisation);
  rows.push_back(row);

  Metrics values{{"quick", options.quick},
                 {"validation", options.validate},
                 {"seed", options.seed},
                 {"compared", digits.test.size()},
                 {"judge_accuracy", judge.accuracy(digits.test)},
                 {"frechet_floor", floor.frechet_distance},
                 {"classifier_score_real", floor.classifier_score},
                 {"nearest_neighbour_floor", floor.nearest_neighbour_accuracy},
                 {"generators", Metrics::array()},
                 {"by_steps", rows_of(ways.by_steps)},
                 {"by_guidance", rows_of(ways.by_guidance)},
                 {"by_steps_compared", std::min(sizes.by_steps, digits.test.size())},
                 {"by_steps_floor", ways.real},
                 {"flow_history", history_of(records)},
                 {"autoencoder_history", history_of(autoencoder_records)}};
  for (const Row& one : rows) {
    values["generators"].push_back(metrics_of(one, floor.frechet_distance));
  }
  values["flow"] = values["generators"].back();
  example::write_metrics(options.out, values);

  const Metrics& generators = values["generators"];
  const Metrics best{{"frechet", least(generators, "frechet_distance")},
                     {"neighbours", least(generators, "nearest_neighbour_accuracy")},
                     {"drawing", least(generators, "draw_seconds")},
                     {"training", least(generators, "train_seconds")}};
  values.update({{"gan", gan.has_value()},
                 {"best", best},
                 {"width", options.width},
                 {"inner_width", 2 * options.width},
                 {"outer_blocks", flow.options().outer_blocks},
                 {"inner_blocks", flow.options().inner_blocks},
                 {"multiply_adds", example::multiply_adds(flow.model.plan())},
                 {"steps", options.steps},
                 {"evaluations", flow.evaluations()},
                 {"guidance", options.guidance},
                 {"guided", options.guidance != 1},
                 {"untold", flow.options().untold},
                 {"tells_image", options.predict == "image"},
                 {"latent", example::AutoencoderOptions{}.latent},
                 {"divergence_weight", example::AutoencoderOptions{}.divergence_weight}});
  example::Page page = example::page_of("part4_generators", values);
  example::add_facts(page, options, digits.train);
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);
  std::cout << "Frechet distance of the flow: "
            << example::fixed(row.quality.frechet_distance / floor.frechet_distance, 2)
            << " times that of real images\n"
            << "page: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part4_generators",
                            "Trains a flow and a variational autoencoder that learn to draw "
                            "digits, and compares them with part4_gan.",
                            options, {.epochs = 24, .quick_epochs = 2});
  line.flag("--autoencoder-epochs", options.autoencoder_epochs,
            "passes of the autoencoder, 6 by default");
  line.flag("--width", options.width, "channels of the flow at 14x14 pixels, a multiple of 8");
  line.flag("--batch", options.batch, "images in a step of the flow");
  line.choice("--predict", options.predict, {"image", "velocity"}, "what the flow's network tells");
  line.flag("--steps", options.steps, "steps of Heun's method from noise to image");
  line.flag("--guidance", options.guidance,
            "how much what the flow draws has of the digit asked for, 1 or more");
  line.flag("--validate", options.validate,
            "learn from 5 in 6 training images and compare with the others, to choose settings");
  line.flag("--resume", options.resume, "go on from the flow's checkpoint in --out");
  line.flag("--judge", options.judge,
            "the file of the judging classifier, trained if it is not there");
  line.flag("--gan", options.gan, "the folder of a run of part4_gan, by default beside --out");
  return example::run_program(line, argc, argv, [&] {
    nn::require(
        options.width > 0 && options.width % 8 == 0 && options.batch > 1 && options.steps > 0 &&
            options.guidance >= 1,
        "--width takes a multiple of 8, --batch 2 at least, --steps and --guidance 1 at least");
    if (options.gan.empty()) {
      options.gan = std::filesystem::absolute(options.out).parent_path() / "part4_gan";
    }
    study(options);
  });
}
