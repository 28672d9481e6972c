// Part 5: digits, clothes and photographs, as well as two processor cores can learn them.

#include <nn/distributed/shared_batches.hpp>
#include <nn/io/safetensors.hpp>

#include <iostream>
#include <utility>

#include "ranks/ranks.hpp"
#include "support/classifier_page.hpp"
#include "support/classify_pictures.hpp"
#include "support/image_drawings.hpp"
#include "support/jpeg_trace.hpp"
#include "support/recipe_network.hpp"
#include "support/stored_network.hpp"
#include "support/views.hpp"
#include "support/watch.hpp"

namespace {

using example::Answers;
using example::Choice;
using example::Metrics;
using example::Moment;
using example::Recipe;
using nn::Dataset;
using nn::Index;
using nn::Tensor;
using Model = example::ImageModel;
using Parts = example::ImageParts;

struct Options : example::Flags {
  std::string recipe = "fast";
  bool resume = false;
  std::vector<std::string> weights;
  std::vector<std::string> classify;
  std::shared_ptr<nn::Communicator> world;  ///< the processes that train together, if any
};

// ---- the images ----

/// 5,000 images of the training set become the validation set; with --quick all is a small part.
Parts load(const Options& options, const Recipe& recipe) {
  nn::TrainTest images = example::load_images(options);
  Index held_out = 5000;
  if (options.quick) {
    const Index size = recipe.name == "best" ? 1200 : 5000;
    images.train = images.train.slice(0, std::min(size, images.train.size()));
    images.test = images.test.slice(0, std::min(size / 4, images.test.size()));
    held_out = size / 5;
  }
  const double share = static_cast<double>(held_out) / static_cast<double>(images.train.size());
  auto [training, validation] = nn::split(images.train, {1 - share, share}, {.seed = options.seed});
  const nn::Normalization normalization = nn::normalization_of(training);
  return {training.with_normalization(normalization), validation.with_normalization(normalization),
          images.test.with_normalization(normalization)};
}

/// The SHA-256 of all images and labels that the network was made from.
std::string checksum_of(const Parts& parts) {
  std::string bytes;
  for (const Dataset* part : {&parts.training, &parts.validation}) {
    for (Index i = 0; i < part->size(); ++i) {
      bytes.append(part->image(i).begin(), part->image(i).end());
      bytes += static_cast<char>(part->label(i));
    }
  }
  return nn::sha256(bytes);
}

// ---- training ----

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

Training train(Model& model, const Options& options, const Recipe& recipe, const Parts& parts) {
  example::prepare(model, recipe, parts.training);
  const nn::SoftmaxCrossEntropy loss{.label_smoothing = recipe.label_smoothing};
  nn::Optimizer optimizer(model,
                          nn::SGD{.learning_rate = recipe.learning_rate,
                                  .momentum = example::recipe_momentum,
                                  .nesterov = true,
                                  .weight_decay = recipe.weight_decay},
                          example::parameter_groups(model, recipe));
  nn::FitOptions fitting;
  fitting.epochs = epochs_of(options, recipe);
  fitting.batch_size = std::min(recipe.batch_size, parts.training.size() / 4);
  fitting.seed = options.seed;
  fitting.validation = &parts.validation;
  fitting.schedule =
      nn::one_cycle_schedule({.warm_up = recipe.warm_up, .first = 0.2, .last = 0.01});
  fitting.average_decay = recipe.average_decay;
  fitting.drop_last = true;  // a small last batch would count as much as any other
  fitting.augmentation = example::augmentation_of(recipe.augmentation);
  const std::filesystem::path checkpoint = options.out / "training.checkpoint";
  if (!options.resume && is_first(options)) std::filesystem::remove(checkpoint);
  fitting.checkpoint = checkpoint;
  if (options.world) fitting.communicator = options.world.get();
  example::Watch watch(model, parts.validation, loss, fitting.batch_size);
  const Index steps = parts.training.size() / fitting.batch_size;
  example::Progress progress(fitting.epochs * steps,
                             {.steps_per_epoch = steps, .images_per_step = fitting.batch_size});
  fitting.callbacks = {example::show(progress), watch.callback()};
  Training training;
  training.history = nn::fit(model, parts.training, loss, optimizer, fitting);
  if (is_first(options)) progress.finish();
  training.moments = watch.seen(training.history);
  return training;
}

// ---- what is kept and shown ----

/// Where the network is from.
nn::Metadata origin_of(const Options& options, const Recipe& recipe, const Parts& parts) {
  return {{"dataset", options.dataset},
          {"recipe", std::string(recipe.name)},
          {"seed", std::to_string(options.seed)},
          {"epochs", std::to_string(epochs_of(options, recipe))},
          {"data_sha256", checksum_of(parts)}};
}

/// Everything that was measured.
struct Results {
  Training training;
  std::vector<Choice> choices;
  Choice chosen;
  Answers answers;
};

Metrics metrics_of(const Options& options, const Recipe& recipe, const Model& model,
                   const Results& results) {
  const double seconds = results.training.history.seconds();
  Metrics metrics;
  metrics["dataset"] = options.dataset;
  metrics["recipe"] = recipe.name;
  metrics["test_accuracy"] = results.answers.confusion.accuracy();
  metrics["validation_accuracy"] = results.chosen.validation_accuracy;
  metrics["train_seconds"] = seconds;
  metrics["parameters"] = example::parameter_count(model);
  metrics["operations_per_image"] = 2 * example::multiply_adds(model.plan());
  metrics["epochs"] = epochs_of(options, recipe);
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

/// What the page says beside the metrics.
Metrics findings_of(const Options& options, const Recipe& recipe, const Parts& parts,
                    const Results& results) {
  const nn::Shape& shape = parts.training.sample_shape();
  const Answers& answers = results.answers;
  const nn::Proportion interval = nn::proportion(answers.confusion.correct(), parts.test.size());
  const double promised = results.chosen.validation_accuracy;
  const Index epochs = epochs_of(options, recipe);
  // Drawings and digits in the middle of their image have steps of their own.
  const double steps = shape[2] == 3 ? example::block_steps(parts.training) : 0;
  return {
      {"is",
       {{"mnist", options.dataset == "mnist"},
        {"fashion", options.dataset == "fashion-mnist"},
        {"cifar", options.dataset == "cifar-10"},
        {"pooled", recipe.architecture == example::Architecture::pooled},
        {"paired", recipe.architecture == example::Architecture::paired},
        {"whitened", recipe.architecture == example::Architecture::whitened},
        {"gelu", recipe.gelu}}},
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
        {"batch_size", std::min(recipe.batch_size, parts.training.size() / 4)},
        {"learning_rate", recipe.learning_rate},
        {"smoothed", recipe.label_smoothing > 0 ? Metrics(1 - recipe.label_smoothing) : Metrics()},
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
  example::draw_filters(options, model);
  example::draw_features(options, model, parts.test.slice(right.front(), 1));
  example::draw_attention(options, model, parts.test, right);
}

// ---- the uses ----

/// What the validation set chooses, and what the test set then says of it.
Results measure(const Model& model, Training training, const Recipe& recipe, const Parts& parts) {
  std::vector<Choice> choices = example::measure_choices(model, recipe, parts.validation);
  const Choice chosen = example::best_of(choices);
  const Tensor<float> logits = nn::predict_views(model, parts.test, chosen.views);
  return {.training = std::move(training),
          .choices = std::move(choices),
          .chosen = chosen,
          .answers = example::answers_of(nn::softmax_rows(logits), parts.test)};
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Recipe& recipe = example::find_recipe(options.dataset, options.recipe);
  const Parts parts = load(options, recipe);
  const nn::Shape& shape = parts.training.sample_shape();
  Model model(example::network_of(recipe, shape, parts.training.classes()), shape,
              {.seed = options.seed});
  std::cout << nn::summary(model, recipe.batch_size);

  Training training = train(model, options, recipe, parts);
  if (!is_first(options)) return;
  // From here on it is the network as it is stored, so that the accuracy is that of the file.
  nn::from_safetensors(model, nn::to_safetensors(model, {.type = example::stored_type}));
  const Results results = measure(model, std::move(training), recipe, parts);
  const double accuracy = results.answers.confusion.accuracy();
  const double validation = results.chosen.validation_accuracy;
  example::save_weights(options.out / "weights.safetensors", model, parts.training,
                        results.chosen.views, origin_of(options, recipe, parts),
                        {{"test_accuracy", example::fixed(accuracy, 4)},
                         {"validation_accuracy", example::fixed(validation, 4)}});
  Metrics values = metrics_of(options, recipe, model, results);
  example::write_metrics(options.out, values);

  values.update(findings_of(options, recipe, parts, results));
  values["million_operations"] = 2 * example::multiply_adds(model.plan()) / 1'000'000;
  draw(options, recipe, model, parts, results);
  example::Page page = example::classifier_page(
      "part5_images", options, {model.plan(), parts.training, parts.test, results.answers}, values,
      {{"choices", choices_table(results)}});
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);

  std::cout << "accuracy on the validation set: " << example::percent(validation) << " ("
            << example::words_of(results.chosen.views) << ")\n"
            << "accuracy on the test set: " << example::percent(accuracy) << " ("
            << results.answers.wrong.size() << " errors in " << parts.test.size() << " images)\n"
            << "training took " << example::duration(results.training.history.seconds()) << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
  example::check_expected_accuracy(options, accuracy);
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
  line.choice("--recipe", options.recipe, {"fast", "best"}, "in minutes, or as well as it goes");
  line.flag("--epochs", options.epochs, "passes over the training set (0: as the recipe has it)");
  line.flag("--resume", options.resume, "goes on from the checkpoint in --out, if there is one");
  line.flag("--weights", options.weights,
            "weights.safetensors that this program has written, to measure again on the test set; "
            "of several also the mean of their answers");
  line.flag("--classify", options.classify, "pictures (PNG, JPEG) to classify with --weights");
  return example::run_program(line, argc, argv, [&] {
    if (options.classify.empty() && options.weights.empty()) {
      options.world = example::ranks();
      return study(options);
    }
    nn::require(!options.weights.empty(), "--classify needs a trained network: --weights FILE");
    if (options.classify.empty()) return measure_again(options);
    example::classify_pictures(options.out, example::load_networks(options.weights),
                               options.classify);
  });
}
