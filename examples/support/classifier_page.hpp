/// @file
/// What the pages of all trained classifiers show: examples, layers, classes, confusions, errors.
#pragma once

#include <nn/viz/heat_map.hpp>

#include <string>
#include <utility>

#include "support/answers.hpp"
#include "support/classifier.hpp"
#include "support/template.hpp"

namespace example {

/// A trained classifier, and how it answered.
struct TrainedClassifier {
  const nn::Plan& network;
  const nn::Dataset& training;
  const nn::Dataset& test;
  const Answers& answers;
};

/// The page of examples/pages/NAME.md, to be written. Draws examples.png, confusion.png and, where
/// there are errors, errors.png, which shows as many as the value `shown` says; makes the tables
/// `layers` and `classes`.
inline Page classifier_page(const std::string& name, const Flags& flags,
                            const TrainedClassifier& trained, Metrics values, Tables tables = {}) {
  draw_examples(flags.out, trained.training);
  nn::viz::plot_confusion_matrix(flags.out / "confusion.png", trained.answers.confusion.counts(),
                                 trained.test.class_names());
  values["shown"] = draw_worst(flags.out, trained.test, trained.answers);
  tables["layers"] = network_table(trained.network, "The layers, from the input to the output.");
  tables["classes"] = rates_table(trained.test, trained.answers);
  Page page = page_of(name, values, tables);
  add_facts(page, flags, trained.training);
  return page;
}

}  // namespace example
