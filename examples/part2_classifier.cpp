// Part 2: trains a network that recognises handwritten digits, and looks at what it has learnt.

#include <nn/io/safetensors.hpp>
#include <nn/viz/heat_map.hpp>
#include <nn/viz/plot.hpp>

#include <iostream>

#include "support/answers.hpp"
#include "support/classifier.hpp"

namespace {

using example::Answers;
using nn::Dataset;
using nn::Index;
using nn::Label;

struct Options : example::Flags {
  std::string model = "cnn";
};

/// Cost and recognition rate on a part of the learning base, as it is after each epoch. (What `fit`
/// reports are means over an epoch in which the network changes, with dropout.)
struct LearningBaseCurve {
  std::vector<double> loss;
  std::vector<double> accuracy;
};

void draw_curves(const Options& options, const nn::History& history,
                 const LearningBaseCurve& learning) {
  std::vector<double> epochs;
  std::vector<double> loss;
  std::vector<double> accuracy;
  for (const nn::EpochRecord& record : history.epochs) {
    epochs.push_back(static_cast<double>(record.epoch));
    loss.push_back(record.validation_loss);
    accuracy.push_back(record.validation_accuracy);
  }
  nn::viz::plot_curves(options.out / "cost.png",
                       {{.name = "learning base", .x = epochs, .y = learning.loss},
                        {.name = "test base", .x = epochs, .y = loss}},
                       {.title = "Cost (mean cross-entropy)",
                        .x = {.label = "epoch", .ticks = epochs},
                        .y = {.label = "cost", .min = 0.0}});
  nn::viz::plot_curves(options.out / "rate.png",
                       {{.name = "learning base", .x = epochs, .y = learning.accuracy},
                        {.name = "test base", .x = epochs, .y = accuracy}},
                       {.title = "Recognition rate",
                        .x = {.label = "epoch", .ticks = epochs},
                        .y = {.label = "images recognised", .percent = true}});
}

/// The mean probability of the winner over the images that were recognised, or over the others.
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
std::string tell_confusion(const Dataset& test, const nn::ConfusionMatrix& counts) {
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
  return "The hardest class is " + name(hardest) + ", of which " +
         example::percent(counts.recall(hardest)) +
         " is recognised. The most frequent confusion is " + name(truth) + " taken for " +
         name(answer) + ", " + example::counted(counts(truth, answer), "time") + ".";
}

std::string explain_network(bool convolutional) {
  return convolutional
             ? "The proposed network looks at the image through small windows: two layers of 3x3 "
               "filters, the same everywhere in the image, each followed by normalisation, the "
               "activation ReLU and pooling, which keeps the strongest answer of each 2x2 square. "
               "What they found goes to a dense layer of 128 cells and to one output for each "
               "class. "
               "Weights shared over the image are why it needs few of them."
             : "The proposed network takes all pixels at once: two hidden layers of 512 and 256 "
               "cells "
               "with the activation ReLU, and one output for each class. While it learns, dropout "
               "silences a fifth of the cells at random, so that none relies on another.";
}

template <class Network>
void study(const Options& options, const Network& network, const nn::TrainTest& base) {
  nn::Model model(network, base.train.sample_shape(), {.seed = options.seed});
  const Dataset sample = base.train.slice(0, std::min<Index>(base.train.size(), base.test.size()));
  LearningBaseCurve learning;
  nn::Callback measure;
  measure.on_epoch = [&](nn::EpochReport&) {
    const nn::Evaluation now = nn::evaluate(model, sample, nn::SoftmaxCrossEntropy{});
    learning.loss.push_back(now.loss);
    learning.accuracy.push_back(now.accuracy);
  };
  constexpr float learning_rate = 0.003F;
  constexpr Index batch_size = 64;
  const nn::History history = example::train(model, base.train, nn::SoftmaxCrossEntropy{},
                                             nn::Adam{.learning_rate = learning_rate},
                                             {.epochs = options.epochs,
                                              .batch_size = batch_size,
                                              .seed = options.seed,
                                              .validation = &base.test,
                                              .schedule = nn::one_cycle_schedule(),
                                              .callbacks = {measure}});

  const Answers answers = example::answers_of(example::probabilities(model, base.test), base.test);
  const nn::EpochRecord& last = history.last();
  nn::save(model, options.out / "weights.safetensors");

  example::draw_examples(options.out, base.train);
  draw_curves(options, history, learning);
  example::draw_predictions(options.out, "right.png", base.test, answers,
                            example::right_examples(base.test, answers, 6));
  std::vector<Index> wrong = answers.wrong;
  wrong.resize(std::min<std::size_t>(wrong.size(), 6));
  if (!wrong.empty())
    example::draw_predictions(options.out, "wrong.png", base.test, answers, wrong);
  nn::viz::plot_confusion_matrix(options.out / "confusion.png", answers.confusion.counts(),
                                 base.test.class_names());
  const Index shown = example::draw_worst(options.out, base.test, answers);

  const double images = static_cast<double>(base.train.size() * options.epochs);
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
  for (Label truth = 0; truth < base.test.classes(); ++truth) {
    example::Metrics row = example::Metrics::array();
    for (Label answer = 0; answer < base.test.classes(); ++answer) {
      row.push_back(answers.confusion(truth, answer));
    }
    metrics["confusion_matrix"].push_back(row);
  }
  example::write_metrics(options.out, metrics);

  const bool convolutional = options.model == "cnn";
  const bool digits = options.dataset == "mnist";
  const std::string things = digits ? "digits" : "kinds of clothing";
  const std::string rate = example::percent(last.validation_accuracy);
  example::Page page(digits ? "Recognising handwritten digits" : "Recognising clothing",
                     "How does a network learn to recognise " + things +
                         ", how well does it do it, and where does it fail?");
  page.key_figures({{rate, "of the test images recognised"},
                    {example::thousands(static_cast<Index>(answers.wrong.size())),
                     "errors in " + example::thousands(base.test.size()) + " images"},
                    {example::duration(history.seconds()), "of learning"},
                    {example::thousands(example::parameter_count(model)), "parameters"}});
  page.section("The images")
      .paragraph("The learning base has " + example::thousands(base.train.size()) +
                 " images of 28x28 grey pixels, the test base " +
                 example::thousands(base.test.size()) +
                 " others, which the network never learns from.")
      .picture("examples.png", "Examples from the learning base, one row for each class.");
  if (!digits) {
    page.note(
        "These are images of Fashion-MNIST. For handwritten digits, put the four files of MNIST "
        "into a folder `mnist` and name the folder above it with `--data`.");
  }
  page.section("The network")
      .paragraph(explain_network(convolutional))
      .table(example::network_table(model.plan(), "The layers, from the input to the output."));
  page.section("Learning")
      .paragraph(
          "The network saw the learning base " + example::counted(options.epochs, "time") +
          ", in batches of " + std::to_string(batch_size) +
          " images in a new order each time. After each batch, Adam changed "
          "the weights against the gradient of the cost, with a learning step that rises to " +
          example::fixed(learning_rate) +
          " and falls to nearly 0 at the end. The cost is the mean cross-entropy: minus the "
          "logarithm of the probability given to the right class. After each epoch it was "
          "measured on " +
          example::thousands(sample.size()) +
          " images of the learning base and on the test "
          "base; nothing was chosen by the latter.")
      .pictures(
          {{"cost.png", "The cost on both bases."}, {"rate.png", "The recognition rate on both."}});
  const double gap = learning.accuracy.back() - last.validation_accuracy;
  page.conclusion(
      "At the end the network recognises " + example::percent(learning.accuracy.back()) +
      " of the learning base and " + rate + " of the test base" +
      (gap > 0.005 ? ": the difference is what it knows by heart rather than understands."
                   : ": what it has learnt carries over to images that it never saw."));
  page.section("What it answers")
      .paragraph(
          "The outputs, passed through softmax, are ten probabilities that sum to 1. The class "
          "with the largest is the answer (the winner takes all).")
      .picture("right.png", "Images that were recognised, beside the ten probabilities.");
  if (!wrong.empty()) {
    page.picture("wrong.png", "The errors of which the network was most certain.");
  }
  page.conclusion("Where the network is right, the winner has " +
                  example::percent(mean_confidence(answers, base.test, true), 1) + " in the mean" +
                  (wrong.empty()
                       ? "."
                       : ", where it is wrong " +
                             example::percent(mean_confidence(answers, base.test, false), 1) +
                             ": its doubt is a hint at its errors, though not at all of "
                             "them."));
  page.section("The whole test base")
      .paragraph("By the rule that the winner takes all, " + rate +
                 " of the test base is recognised: " +
                 example::thousands(base.test.size() - static_cast<Index>(answers.wrong.size())) +
                 " of " + example::thousands(base.test.size()) + " images.")
      .table(example::rates_table(base.test, answers))
      .picture("confusion.png",
               "How many images of each class (row) were taken for which (column).");
  page.conclusion(tell_confusion(base.test, answers.confusion));
  if (shown > 0) {
    page.section("The errors")
        .paragraph(
            "These are the errors of which the network was most certain: the true class, and what "
            "it was taken for.")
        .picture("errors.png", "The " + std::to_string(shown) + " most confident errors.");
    const auto certain = std::count_if(answers.wrong.begin(), answers.wrong.end(), [&](Index i) {
      return answers.confidence[static_cast<std::size_t>(i)] > 0.9F;
    });
    page.conclusion(
        "Of the " + example::counted(static_cast<Index>(answers.wrong.size()), "error") +
        ", the network was more than 90 % certain in " + example::thousands(certain) + ".");
  }
  example::add_facts(page, options, base.train);
  page.fact("learning", example::duration(history.seconds()) + ", " +
                            example::thousands(static_cast<Index>(images / history.seconds())) +
                            " images/s");
  page.write(options.out);

  std::cout << "recognition rate on the test base: " << rate << " (" << answers.wrong.size()
            << " errors in " << base.test.size() << " images)\n"
            << "cost on the test base: " << example::fixed(last.validation_loss, 4) << '\n'
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
    const nn::TrainTest base = example::load_base(options);
    const Index classes = base.train.classes();
    if (options.model == "mlp") {
      study(options, example::multilayer_perceptron(classes), base);
    } else {
      study(options, example::convolutional_network(classes), base);
    }
  });
}
