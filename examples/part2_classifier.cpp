// Part 2: trains a network that recognises handwritten digits, and looks at what it has learnt.

#include <nn/io/safetensors.hpp>
#include <nn/viz/plot.hpp>

#include <iostream>

#include "support/classifier_page.hpp"

namespace {

using example::Answers;
using example::Metrics;
using nn::Dataset;
using nn::Index;
using nn::Label;

struct Options : example::Flags {
  std::string model = "cnn";
};

/// Loss and accuracy on a part of the training set, as they are after each epoch. (What `fit`
/// reports are means over an epoch in which the network changes, with dropout.)
struct TrainingCurve {
  std::vector<double> loss;
  std::vector<double> accuracy;
};

void draw_curves(const Options& options, const nn::History& history,
                 const TrainingCurve& learning) {
  std::vector<double> epochs;
  std::vector<double> loss;
  std::vector<double> accuracy;
  for (const nn::EpochRecord& record : history.epochs) {
    epochs.push_back(static_cast<double>(record.epoch));
    loss.push_back(record.validation_loss);
    accuracy.push_back(record.validation_accuracy);
  }
  nn::viz::plot_curves(options.out / "cost.png",
                       {{.name = "training set", .x = epochs, .y = learning.loss},
                        {.name = "test set", .x = epochs, .y = loss}},
                       {.title = "Loss (mean cross-entropy)",
                        .x = {.label = "epoch", .ticks = epochs},
                        .y = {.label = "loss", .min = 0.0}});
  nn::viz::plot_curves(options.out / "rate.png",
                       {{.name = "training set", .x = epochs, .y = learning.accuracy},
                        {.name = "test set", .x = epochs, .y = accuracy}},
                       {.title = "Accuracy",
                        .x = {.label = "epoch", .ticks = epochs},
                        .y = {.label = "images recognised", .percent = true}});
}

/// The mean of the highest probability over the images that were recognised, or over the others.
double mean_confidence(const Answers& answers, const Dataset& test, bool right) {
  double sum = 0;
  double count = 0;
  for (Index i = 0; i < test.size(); ++i) {
    const auto place = static_cast<std::size_t>(i);
    if ((answers.labels[place] == test.label(i)) != right) continue;
    sum += static_cast<double>(answers.confidence[place]);
    ++count;
  }
  return sum / count;
}

/// The class that is recognised least, and the confusion that is most frequent.
Metrics confusion_findings(const Dataset& test, const nn::ConfusionMatrix& counts) {
  const auto name = [&](Label label) {
    return test.class_names()[static_cast<std::size_t>(label)];
  };
  Label hardest = 0;
  Label truth = 0;
  Label answer = 1;
  for (Label row = 0; row < test.classes(); ++row) {
    if (counts.recall(row) < counts.recall(hardest)) hardest = row;
    for (Label column = 0; column < test.classes(); ++column) {
      if (row == column || counts(row, column) <= counts(truth, answer)) continue;
      truth = row;
      answer = column;
    }
  }
  return {{"hardest", {{"name", name(hardest)}, {"recall", counts.recall(hardest)}}},
          {"confusion",
           {{"truth", name(truth)}, {"answer", name(answer)}, {"times", counts(truth, answer)}}}};
}

/// What the page says beside the metrics.
Metrics findings_of(const Options& options, const nn::TrainTest& sets, const Answers& answers) {
  const bool digits = options.dataset == "mnist";
  const auto wrong = static_cast<Index>(answers.wrong.size());
  const auto certain = std::count_if(answers.wrong.begin(), answers.wrong.end(), [&](Index i) {
    return answers.confidence[static_cast<std::size_t>(i)] > 0.9F;
  });
  Metrics findings{{"digits", digits},
                   {"things", digits ? "digits" : "kinds of clothing"},
                   {"convolutional", options.model == "cnn"},
                   {"training_images", sets.train.size()},
                   {"test_images", sets.test.size()},
                   {"wrong", wrong},
                   {"right", sets.test.size() - wrong},
                   {"confidence_right", mean_confidence(answers, sets.test, true)},
                   {"confidence_wrong", nullptr},
                   {"errors", nullptr}};
  if (wrong > 0) {
    findings["confidence_wrong"] = mean_confidence(answers, sets.test, false);
    findings["errors"] = {{"count", wrong}, {"certain", certain}};
  }
  findings.update(confusion_findings(sets.test, answers.confusion));
  return findings;
}

/// Draws what the pages of other classifiers do not have.
void draw(const Options& options, const nn::TrainTest& sets, const nn::History& history,
          const TrainingCurve& learning, const Answers& answers) {
  draw_curves(options, history, learning);
  example::draw_predictions(options.out, "right.png", sets.test, answers,
                            example::right_examples(sets.test, answers, 6));
  std::vector<Index> wrong = answers.wrong;
  wrong.resize(std::min<std::size_t>(wrong.size(), 6));
  if (!wrong.empty())
    example::draw_predictions(options.out, "wrong.png", sets.test, answers, wrong);
}

constexpr float learning_rate = 0.003F;
constexpr Index batch_size = 64;

/// Trains, and measures loss and accuracy on `sample` after each epoch.
nn::History learn(const Options& options, auto& model, const nn::TrainTest& sets,
                  const Dataset& sample, TrainingCurve& learning) {
  nn::Callback measure;
  measure.on_epoch = [&](nn::EpochReport&) {
    const nn::Evaluation now = nn::evaluate(model, sample, nn::SoftmaxCrossEntropy{});
    learning.loss.push_back(now.loss);
    learning.accuracy.push_back(now.accuracy);
  };
  return example::train(model, sets.train, nn::SoftmaxCrossEntropy{},
                        nn::Adam{.learning_rate = learning_rate},
                        {.epochs = options.epochs,
                         .batch_size = batch_size,
                         .seed = options.seed,
                         .validation = &sets.test,
                         .schedule = nn::one_cycle_schedule(),
                         .callbacks = {measure}});
}

template <class Network>
void study(const Options& options, const Network& network, const nn::TrainTest& sets) {
  nn::Model model(network, sets.train.sample_shape(), {.seed = options.seed});
  const Dataset sample = sets.train.slice(0, std::min<Index>(sets.train.size(), sets.test.size()));
  TrainingCurve learning;
  const nn::History history = learn(options, model, sets, sample, learning);
  const Answers answers = example::answers_of(example::probabilities(model, sets.test), sets.test);
  const nn::EpochRecord& last = history.last();
  nn::save(model, options.out / "weights.safetensors");
  draw(options, sets, history, learning, answers);

  const double images = static_cast<double>(sets.train.size() * options.epochs);
  example::Metrics metrics;
  metrics["dataset"] = options.dataset;
  metrics["model"] = options.model;
  metrics["test_accuracy"] = last.validation_accuracy;
  metrics["test_loss"] = last.validation_loss;
  metrics["parameters"] = example::parameter_count(model);
  metrics["operations_per_image"] = 2 * example::multiply_adds(model.plan());
  metrics["epochs"] = options.epochs;
  metrics["train_seconds"] = history.seconds();
  metrics["images_per_second"] = images / history.seconds();
  metrics["seed"] = options.seed;
  metrics["threads"] = nn::threads();
  metrics["history"] = example::history_metrics(history);
  for (std::size_t i = 0; i < learning.loss.size(); ++i) {
    metrics["history"][i]["learning_base_loss"] = learning.loss[i];
    metrics["history"][i]["learning_base_accuracy"] = learning.accuracy[i];
  }
  metrics["confusion_matrix"] = example::confusion_metrics(answers.confusion);
  example::write_metrics(options.out, metrics);

  metrics.update(findings_of(options, sets, answers));
  metrics["batch_size"] = batch_size;
  metrics["learning_rate"] = learning_rate;
  metrics["measured"] = sample.size();
  metrics["training_accuracy"] = learning.accuracy.back();
  metrics["by_heart"] = learning.accuracy.back() - last.validation_accuracy > 0.005;
  example::Page page = example::classifier_page(
      "part2_classifier", options, {model.plan(), sets.train, sets.test, answers}, metrics);
  page.fact("training", example::duration(history.seconds()) + ", " +
                            example::thousands(static_cast<Index>(images / history.seconds())) +
                            " images/s");
  page.write(options.out);

  std::cout << "accuracy on the test set: " << example::percent(last.validation_accuracy) << " ("
            << answers.wrong.size() << " errors in " << sets.test.size() << " images)\n"
            << "loss on the test set: " << example::fixed(last.validation_loss, 4) << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
  example::check_expected_accuracy(options, last.validation_accuracy);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_classifier",
                            "Trains a network that recognises handwritten digits.", options,
                            {.epochs = 4, .quick_epochs = 2, .dataset = true, .accuracy = true});
  line.choice("--model", options.model, {"mlp", "cnn"}, "the network");
  return example::run_program(line, argc, argv, [&] {
    const nn::TrainTest sets = example::load_sets(options);
    const Index classes = sets.train.classes();
    if (options.model == "mlp") {
      study(options, example::multilayer_perceptron(classes), sets);
    } else {
      study(options, example::convolutional_network(classes), sets);
    }
  });
}
