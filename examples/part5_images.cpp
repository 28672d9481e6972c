// Part 5: digits, clothes and photographs, as well as two processor cores can learn them.

#include <iostream>
#include <optional>
#include <utility>

#include "ranks/ranks.hpp"
#include "support/classifier_page.hpp"
#include "support/classify_pictures.hpp"
#include "support/image_drawings.hpp"
#include "support/jpeg_trace.hpp"
#include "support/study/image_run.hpp"
#include "support/study/network_comparison.hpp"

namespace {

using example::Answers;
using example::Choice;
using example::Metrics;
using example::Moment;
using example::Recipe;
using example::SeedResult;
using nn::Dataset;
using nn::Index;
using nn::Tensor;
using Model = example::ImageModel;
using Options = example::ImageOptions;
using Parts = example::ImageParts;
using Results = example::ImageResults;
using Run = example::ImageRun;

// ---- what is shown ----

Metrics metrics_of(const Options& options, const Recipe& recipe, const Parts& parts,
                   const Model& model, const Results& results) {
  const double seconds = results.training.history.seconds();
  Metrics metrics;
  metrics["dataset"] = options.dataset;
  metrics["recipe"] = recipe.name;
  metrics["network"] = recipe.network;
  metrics["test_accuracy"] = results.answers.confusion.accuracy();
  metrics["validation_accuracy"] = results.chosen.validation_accuracy;
  metrics["train_seconds"] = seconds;
  metrics["parameters"] = example::parameter_count(model);
  metrics["operations_per_image"] = 2 * example::multiply_adds(model.plan());
  metrics["epochs"] = example::epochs_of(options, recipe);
  metrics["batch_size"] = example::batch_size_of(recipe, parts);
  metrics["learning_rate"] = recipe.learning_rate;
  metrics["images_per_second"] = results.training.history.last().images_per_second;
  metrics["views"] = example::words_of(results.chosen.views);
  metrics["seed"] = options.seed;
  metrics["threads"] = nn::threads();
  metrics["quick"] = options.quick;
  metrics["history"] = example::history_metrics(results.training.history);
  for (const Choice& choice : results.choices) {
    metrics["choices"].push_back({{"views", example::words_of(choice.views)},
                                  {"validation_accuracy", choice.validation_accuracy}});
  }
  for (const Moment& moment : results.training.moments) {
    metrics["moments"].push_back({{"epoch", moment.epoch},
                                  {"seconds", moment.seconds},
                                  {"cost", moment.loss},
                                  {"validation_cost", moment.validation_loss},
                                  {"validation_accuracy", moment.validation_accuracy}});
  }
  metrics["confusion_matrix"] = example::confusion_metrics(results.answers.confusion);
  return metrics;
}

/// The probability that the right class is to have. Smoothing shares what it takes from it among
/// all classes, so that it gets some back.
double target_of(const Recipe& recipe, const Parts& parts) {
  const double smoothing = recipe.label_smoothing;
  return 1 - smoothing + smoothing / static_cast<double>(parts.training.classes());
}

/// What the page says beside the metrics.
Metrics findings_of(const Options& options, const Recipe& recipe, const Parts& parts,
                    const Model& model, const Results& results) {
  const nn::Shape& shape = parts.training.sample_shape();
  const Answers& answers = results.answers;
  const nn::Proportion interval = nn::proportion(answers.confusion.correct(), parts.test.size());
  const double promised = results.chosen.validation_accuracy;
  const Index epochs = example::epochs_of(options, recipe);
  // Drawings and digits in the middle of their image have steps of their own.
  const double steps = shape[2] == 3 ? example::block_steps(parts.training) : 0;
  return {
      {"is",
       {{"mnist", options.dataset == "mnist"},
        {"fashion", options.dataset == "fashion-mnist"},
        {"cifar", options.dataset == "cifar-10"},
        {"pooled", recipe.architecture == example::Architecture::pooled},
        {"whitened", recipe.architecture == example::Architecture::whitened},
        {"paired", recipe.architecture == example::Architecture::paired},
        {"blocks", recipe.architecture == example::Architecture::paired ||
                       recipe.architecture == example::Architecture::whitened},
        {"attentive", recipe.architecture == example::Architecture::attentive},
        {"mixing", recipe.architecture == example::Architecture::mixing},
        {"recurrent", recipe.architecture == example::Architecture::recurrent},
        {"residual", recipe.architecture == example::Architecture::residual},
        {"gelu", recipe.gelu}}},
      {"has",
       {{"filters", example::has_filters(model)},
        {"maps", !example::drawn_layers(model.plan()).empty()}}},
      {"images",
       {{"training", parts.training.size()},
        {"validation", parts.validation.size()},
        {"test", parts.test.size()},
        {"size", std::to_string(shape[0]) + "x" + std::to_string(shape[1])},
        {"grey", shape[2] == 1},
        {"jpeg_steps", steps > example::jpeg_steps ? Metrics(steps) : Metrics()}}},
      {"plan",
       {{"changes", example::describe(recipe.augmentation)},
        {"times", epochs == 1 ? "once" : example::counted(epochs, "time")},
        {"batch_size", example::batch_size_of(recipe, parts)},
        {"learning_rate", recipe.learning_rate},
        {"adamw", recipe.rule == example::Rule::adamw},
        {"muon", recipe.rule == example::Rule::muon},
        {"momentum", recipe.rule == example::Rule::momentum},
        {"smoothed", recipe.label_smoothing > 0 ? Metrics(target_of(recipe, parts)) : Metrics()},
        {"averaged", recipe.average_decay > 0}}},
      {"correct", answers.confusion.correct()},
      {"lower", interval.lower},
      {"upper", interval.upper},
      {"kept", promised >= interval.lower && promised <= interval.upper},
      {"promised_too_much", promised > answers.confusion.accuracy()},
      {"wrong", !answers.wrong.empty()}};
}

/// The ways of answering, the chosen one in bold.
example::Table choices_table(const Results& results) {
  example::Table table{
      .caption =
          "Ways of answering, measured on the validation set; in bold, the one that is used.",
      .columns = {"the network sees", "accuracy"}};
  for (const Choice& choice : results.choices) {
    if (choice.views.flip == results.chosen.views.flip &&
        choice.views.shift == results.chosen.views.shift) {
      table.bold_rows.push_back(static_cast<Index>(table.rows.size()));
    }
    table.rows.push_back(
        {example::words_of(choice.views), example::percent(choice.validation_accuracy)});
  }
  return table;
}

/// Draws what the pages of other classifiers do not have.
void draw(const Options& options, const Recipe& recipe, const Model& model, const Parts& parts,
          const Results& results) {
  const Answers& answers = results.answers;
  example::draw_augmentations(options, recipe, parts.training);
  example::draw_curves(options, results.training.moments);
  std::vector<Index> right = example::right_examples(parts.test, answers, parts.test.classes());
  if (right.empty()) right.push_back(0);  // a run too short to have learned anything
  const auto some = [](std::vector<Index> places) {
    places.resize(std::min<std::size_t>(places.size(), 6));
    return places;
  };
  example::draw_predictions(options.out, "right.png", parts.test, answers, some(right));
  if (!answers.wrong.empty()) {
    example::draw_predictions(options.out, "wrong.png", parts.test, answers, some(answers.wrong));
  }
  if (example::has_filters(model)) example::draw_filters(options, model);
  if (!example::drawn_layers(model.plan()).empty()) {
    example::draw_features(options, model, parts.test.slice(right.front(), 1));
  }
  example::draw_attention(options, model, parts.test, right);
}

// ---- the uses ----

/// Networks from several seeds, each as --seed makes it. The first of them goes to `first` in
/// process 0, which learns it; what was measured of all is returned by every process.
std::vector<SeedResult> learn_all(const Options& options, const Recipe& recipe,
                                  std::optional<Run>& first) {
  return nn::share_tasks(*options.world, options.seeds, [&](Index i) {
    Options own = options;
    own.seed += static_cast<std::uint64_t>(i);
    Run run = example::learn(own, recipe, i == 0);
    const SeedResult result = example::result_of(own.seed, *run.results);
    if (i == 0) first.emplace(std::move(run));
    return result;
  });
}

/// Writes the files and the page of a network that was learnt.
void write(const Options& options, const Recipe& recipe, const Run& run,
           const std::vector<SeedResult>& seeds, const example::Stopwatch& watch) {
  const auto& [parts, model, measured] = run;
  const Results& results = *measured;
  example::save_run(options.out / "weights.safetensors", options, recipe, run);
  Metrics values = metrics_of(options, recipe, parts, model, results);
  const Metrics several = example::seeds_metrics(seeds);
  if (!several.is_null()) values["seeds"] = several;
  example::write_metrics(options.out, values);

  values["seeds"] = several;
  values.update(findings_of(options, recipe, parts, model, results));
  values["million_operations"] = 2 * example::multiply_adds(model.plan()) / 1'000'000;
  draw(options, recipe, model, parts, results);
  example::Page page = example::classifier_page(
      "part5_images", options, {model.plan(), parts.training, parts.test, results.answers}, values,
      {{"choices", choices_table(results)}, {"seeds", example::seeds_table(seeds)}});
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);
}

void tell(const Options& options, const Run& run, const std::vector<SeedResult>& seeds) {
  const Results& results = *run.results;
  std::cout << "accuracy on the validation set: "
            << example::percent(results.chosen.validation_accuracy) << " ("
            << example::words_of(results.chosen.views) << ")\n"
            << "accuracy on the test set: "
            << example::percent(results.answers.confusion.accuracy()) << " ("
            << results.answers.wrong.size() << " errors in " << run.parts.test.size()
            << " images)\n";
  if (seeds.size() > 1) {
    std::cout << "accuracy on the test set from " << seeds.size() << " seeds: "
              << example::percent_of(example::spread_over(seeds, &SeedResult::test_accuracy))
              << '\n';
  }
  std::cout << "training took " << example::duration(results.training.history.seconds()) << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
}

void study(Options options) {
  const example::Stopwatch watch;
  const Recipe recipe = example::recipe_of(options, options.network);
  options = example::with_epochs(std::move(options), recipe);
  std::optional<Run> first;
  std::vector<SeedResult> seeds;
  if (options.seeds > 1) {
    seeds = learn_all(options, recipe, first);
  } else {
    first.emplace(example::learn(options, recipe, true));
    if (options.writes()) seeds = {example::result_of(options.seed, *first->results)};
  }
  if (!options.writes()) return;
  write(options, recipe, *first, seeds, watch);
  tell(options, *first, seeds);
  example::check_expected_accuracy(options,
                                   example::spread_over(seeds, &SeedResult::test_accuracy).mean);
}

/// What --weights without --classify does.
void measure_again(Options options) {
  const std::vector<example::Trained> networks = example::load_networks(options.weights);
  options.dataset = networks.front().dataset;
  const Dataset all = example::load_images(options).test;
  const Dataset test = options.quick ? all.slice(0, std::min<Index>(2000, all.size())) : all;
  const std::vector<Tensor<float>> logits = example::logits_of(networks, test);
  double accuracy = 0;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    accuracy = nn::accuracy(logits[i], test.labels());
    std::cout << options.weights[i] << ": " << example::percent(accuracy) << " of "
              << (options.quick ? example::counted(test.size(), "test image") : "the test set")
              << " (" << example::percent(networks[i].test_accuracy) << " when it was trained)\n";
  }
  if (networks.size() > 1) {
    accuracy = nn::accuracy(nn::mean_probabilities<float>(logits), test.labels());
    std::cout << "together, by the mean of their probabilities: " << example::percent(accuracy)
              << '\n';
  }
  example::check_expected_accuracy(options, accuracy);
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
  line.choice("--recipe", options.recipe, {"fast", "medium", "best"},
              "in seconds, in minutes (of CIFAR-10 alone), or as well as it goes");
  line.choice("--network", options.network, {"own", "resnet", "vit", "mixer", "lstm", "all"},
              "the recipe's own, or another kind; all: each for the same --minutes, side by side");
  line.flag("--minutes", options.minutes,
            "of training: finds the epochs that they suffice for on this machine (2 for other "
            "networks than the recipe's own)");
  line.flag("--epochs", options.given_epochs,
            "passes over the training set, instead of the recipe's or --minutes; for all networks "
            "a number each, in the order of the table");
  line.flag("--seeds", options.seeds,
            "trainings, from --seed and the seeds after it, that several processes divide among "
            "themselves");
  line.flag("--batch-times", options.larger.times, "batches so many times as large");
  line.flag("--rate-times", options.larger.rate_times,
            "the recipe's learning rate times this (0: --batch-times)");
  line.flag("--warm-up", options.larger.warm_up,
            "the share of the training in which the learning rate rises (0: as the recipe has it)");
  line.flag("--trust", options.larger.trust, "of LARS, which then takes the place of SGD (0: SGD)");
  line.flag("--resume", options.resume, "goes on from the checkpoint in --out, if there is one");
  line.flag("--weights", options.weights,
            "weights.safetensors that this program has written, to measure again on the test set; "
            "of several also the mean of their answers");
  line.flag("--classify", options.classify, "pictures (PNG, JPEG) to classify with --weights");
  return example::run_program(line, argc, argv, [&] {
    if (options.classify.empty() && options.weights.empty()) {
      options.settle_time();
      options.join_training(example::ranks());
      return options.network == "all" ? example::compare_networks(options) : study(options);
    }
    nn::require(!options.weights.empty(), "--classify needs a trained network: --weights FILE");
    if (options.classify.empty()) return measure_again(options);
    example::classify_pictures(options.out, example::load_networks(options.weights),
                               options.classify);
  });
}
