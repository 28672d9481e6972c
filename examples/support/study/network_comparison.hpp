/// @file
/// Part 5's networks side by side: the same images, for the same time.
#pragma once

#include <nn/viz/plot.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "support/study/image_run.hpp"
#include "support/template.hpp"

namespace example {

/// One network of a comparison.
struct ComparedNetwork {
  std::string network;  ///< one of `network_names`
  nn::Index parameters = 0;
  nn::Index operations = 0;  ///< of a pass forward for one image, a multiply-add being two
  nn::Index epochs = 0;
  nn::Index images = 0;           ///< of the training set
  double seconds = 0;             ///< of the first seed's training
  std::vector<Moment> moments{};  ///< likewise
  std::vector<SeedResult> seeds{};

  [[nodiscard]] double images_per_second() const {
    return static_cast<double>(images * epochs) / seconds;
  }
  [[nodiscard]] nn::Spread validation() const {
    return spread_over(seeds, &SeedResult::validation_accuracy);
  }
  [[nodiscard]] nn::Spread test() const { return spread_over(seeds, &SeedResult::test_accuracy); }
};

/// "ResNet" for "resnet": what a network is called on a page.
inline std::string name_of_network(const std::string& network) {
  if (network == "own") return "the recipe's own";
  if (network == "resnet") return "ResNet";
  if (network == "vit") return "vision transformer";
  if (network == "mixer") return "MLP-Mixer";
  return "LSTM";
}

namespace detail {

/// A mean of several seeds with their deviation, or the figure of one.
inline std::string accuracy_words(const nn::Spread& spread) {
  return spread.count > 1 ? percent_of(spread) : percent(spread.mean);
}

/// Trains a network from all seeds. Of the first, the course and the weights are kept.
inline ComparedNetwork learn_network(ImageOptions options, std::string_view network) {
  const Recipe recipe = recipe_of(options, network);
  options.network = network;
  options = with_epochs(std::move(options), recipe);
  ComparedNetwork compared{.network = options.network,
                           .epochs = example::epochs_of(options, recipe)};
  const std::uint64_t first = options.seed;
  for (nn::Index i = 0; i < options.seeds; ++i) {
    options.seed = first + static_cast<std::uint64_t>(i);
    const ImageRun run = learn(options, recipe, false);
    compared.seeds.push_back(result_of(options.seed, *run.results));
    if (i > 0) continue;
    compared.parameters = parameter_count(run.model);
    compared.operations = 2 * multiply_adds(run.model.plan());
    compared.images = run.parts.training.size();
    compared.seconds = run.results->training.history.seconds();
    compared.moments = run.results->training.moments;
    save_run(options.out / (options.network + ".safetensors"), options, recipe, run);
  }
  std::cout << options.network << ": " << accuracy_words(compared.test())
            << " of the test set after " << duration(compared.seconds) << "\n\n";
  return compared;
}

/// The table of all networks; in bold, the best by the validation set.
inline Table comparison_table(const std::vector<ComparedNetwork>& networks, std::size_t best) {
  Table table{.caption =
                  "The same images and the same time for all; in bold, the best on the "
                  "validation set.",
              .columns = {"network", "validation", "test", "time", "epochs", "parameters",
                          "million operations"},
              .bold_rows = {static_cast<nn::Index>(best)}};
  for (const ComparedNetwork& one : networks) {
    table.rows.push_back({name_of_network(one.network), accuracy_words(one.validation()),
                          accuracy_words(one.test()), duration(one.seconds),
                          std::to_string(one.epochs), thousands(one.parameters),
                          fixed(static_cast<double>(one.operations) / 1e6, 1)});
  }
  return table;
}

/// Draws rate_against_time.png: the accuracy of each network on images of the validation set.
inline void draw_comparison(const Flags& flags, const std::vector<ComparedNetwork>& networks) {
  std::vector<nn::viz::Curve> curves;
  for (const ComparedNetwork& one : networks) {
    nn::viz::Curve curve{.name = name_of_network(one.network)};
    for (const Moment& moment : one.moments) {
      curve.x.push_back(moment.seconds);
      curve.y.push_back(moment.validation_accuracy);
    }
    curves.push_back(std::move(curve));
  }
  nn::viz::plot_curves(flags.out / "rate_against_time.png", curves,
                       {.title = "Accuracy against time, validation set",
                        .x = {.label = "seconds of training", .min = 0.0},
                        .y = {.label = "accuracy", .percent = true}});
}

inline Metrics comparison_metrics(const ImageOptions& options,
                                  const std::vector<ComparedNetwork>& networks) {
  Metrics metrics{{"dataset", options.dataset}, {"recipe", options.recipe},
                  {"minutes", options.minutes}, {"seed", options.seed},
                  {"seeds", options.seeds},     {"threads", nn::threads()},
                  {"quick", options.quick}};
  for (const ComparedNetwork& one : networks) {
    Metrics values{{"network", one.network},
                   {"parameters", one.parameters},
                   {"operations_per_image", one.operations},
                   {"epochs", one.epochs},
                   {"train_seconds", one.seconds},
                   {"images_per_second", one.images_per_second()},
                   {"validation_accuracy", one.validation().mean},
                   {"test_accuracy", one.test().mean}};
    for (const SeedResult& seed : one.seeds) {
      values["runs"].push_back({{"seed", seed.seed},
                                {"validation_accuracy", seed.validation_accuracy},
                                {"test_accuracy", seed.test_accuracy}});
    }
    for (const Moment& moment : one.moments) {
      values["moments"].push_back({{"epoch", moment.epoch},
                                   {"seconds", moment.seconds},
                                   {"validation_accuracy", moment.validation_accuracy}});
    }
    metrics["networks"].push_back(std::move(values));
  }
  return metrics;
}

/// The flags that make the same networks again, on a machine of any speed.
inline std::string flags_to_repeat(const ImageOptions& options,
                                   const std::vector<ComparedNetwork>& networks) {
  std::string flags = "--dataset " + options.dataset + " --recipe " + options.recipe +
                      " --network all --seed " + std::to_string(options.seed);
  if (options.seeds > 1) flags += " --seeds " + std::to_string(options.seeds);
  if (options.quick) flags += " --quick";
  flags += " --epochs";
  for (const ComparedNetwork& one : networks) flags += " " + std::to_string(one.epochs);
  return flags;
}

}  // namespace detail

/// Trains each of `network_names` for the same time, and writes one page about all of them.
inline void compare_networks(const ImageOptions& options) {
  const Stopwatch watch;
  std::vector<ComparedNetwork> networks;
  for (std::size_t i = 0; i < network_names.size(); ++i) {
    ImageOptions own = options;
    if (options.given_epochs.size() > 1) own.epochs = options.given_epochs[i];
    networks.push_back(detail::learn_network(own, network_names[i]));
  }
  std::vector<std::size_t> order(networks.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return networks[a].validation().mean > networks[b].validation().mean;
  });
  const ComparedNetwork& best = networks[order[0]];
  const ComparedNetwork& second = networks[order[1]];
  const ComparedNetwork& last = networks[order.back()];

  Metrics values = detail::comparison_metrics(options, networks);
  const std::string again = detail::flags_to_repeat(options, networks);
  values["repeat"] = again;
  write_metrics(options.out, values);
  const auto told = [](const ComparedNetwork& one) {
    return Metrics{{"name", one.network == "own" ? "The recipe's own network"
                                                 : "The " + name_of_network(one.network)},
                   {"validation_accuracy", one.validation().mean},
                   {"test_accuracy", one.test().mean}};
  };
  double seconds = 0;
  for (const ComparedNetwork& one : networks) seconds += one.seconds;
  const ImageParts parts = load_parts(options);
  values["is"] = {{"mnist", options.dataset == "mnist"},
                  {"fashion", options.dataset == "fashion-mnist"},
                  {"cifar", options.dataset == "cifar-10"}};
  values["several"] = options.seeds > 1 ? Metrics(options.seeds) : Metrics();
  values["mean_seconds"] = seconds / static_cast<double>(networks.size());
  values["best"] = told(best);
  values["second"] = told(second);
  values["last"] = told(last);
  values["convolutions_lead"] = best.network == "own" || best.network == "resnet";
  values["images"] = {{"training", parts.training.size()},
                      {"validation", parts.validation.size()},
                      {"test", parts.test.size()}};
  draw_examples(options.out, parts.training);
  detail::draw_comparison(options, networks);
  Page page = page_of("part5_networks", values,
                      {{"networks", detail::comparison_table(networks, order[0])}});
  add_facts(page, options, parts.training);
  page.fact("whole run", duration(watch.seconds()));
  page.write(options.out);
  std::cout << "the same networks on any machine: part5_images " << again << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
  check_expected_accuracy(options, best.test().mean);
}

}  // namespace example
