// Part 2: what a classifier gains by being allowed to say "I don't know", for either of two
// reasons: the image lies between two classes, or far from all of them.

#include <nn/data/random_images.hpp>
#include <nn/train/mahalanobis.hpp>
#include <nn/viz/bars.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>
#include <sstream>

#include "support/classifier.hpp"

namespace {

using nn::Dataset;
using nn::Index;
using nn::Label;
using nn::Reject;

struct Options : example::Flags {};

/// The share of the validation base that the thresholds for images which are no digits reject.
constexpr double allowed_rate = 0.05;
/// The share of it that the threshold of the conclusion rejects.
constexpr double working_rate = 0.015;

/// The bases to learn from, to choose all thresholds on, and never seen before the end.
struct Bases {
  Dataset train;
  Dataset validation;
  Dataset test;
};

Bases load(const Options& options) {
  const nn::TrainTest base = example::load_base(options);
  auto [train, validation] = nn::split(base.train, {0.9, 0.1}, {.seed = options.seed});
  return {train, validation, base.test};
}

// ---- features in which to measure distance ----

/// Which of the network's inner results are the features.
struct FeatureChoice {
  std::string name;
  bool hidden = false;  ///< the cells of the last hidden layer
  Index cells = 0;  ///< means of the last filters' answers over cells x cells parts of the image
};

/// The means of maps, N x H x W x C, over cells x cells parts: N x (cells * cells * C).
nn::Tensor<float> means_by_place(const nn::Tensor<float>& maps, Index cells) {
  const nn::Shape& shape = maps.shape();
  const Index height = shape[1];
  const Index width = shape[2];
  const Index channels = shape[3];
  nn::Tensor<float> means({shape[0], cells * cells * channels});
  const auto pixels = maps.view().reshaped({shape[0] * height * width, channels});
  auto result = means.matrix();
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index cell = 0; cell < cells * cells; ++cell) {
      const Index row = cell / cells;
      const Index column = cell % cells;
      const Index top = row * height / cells;
      const Index bottom = (row + 1) * height / cells;
      const Index left = column * width / cells;
      const Index count = (column + 1) * width / cells - left;
      auto mean = result.row(n).segment(cell * channels, channels);
      for (Index y = top; y < bottom; ++y) {
        mean += pixels.matrix().middleRows((n * height + y) * width + left, count).colwise().sum() /
                static_cast<float>(count * (bottom - top));
      }
    }
  }
  return means;
}

template <class Model>
nn::Tensor<float> features_of(const Model& model, const Dataset& data,
                              const FeatureChoice& choice) {
  // The places of the second pooling and of the hidden layer in example::convolutional_network.
  constexpr const char* pooled = "7";
  constexpr const char* hidden = "9";
  if (choice.cells == 0) return nn::features(model, data, hidden);
  nn::Tensor<float> means = means_by_place(nn::features(model, data, pooled), choice.cells);
  if (!choice.hidden) return means;
  const nn::Tensor<float> cells = nn::features(model, data, hidden);
  nn::Tensor<float> both({data.size(), cells.shape()[1] + means.shape()[1]});
  both.matrix() << cells.matrix(), means.matrix();
  return both;
}

// ---- what the classifier says of images ----

/// What the network makes of each image of a base.
struct Scores {
  std::vector<double> posterior = {};  ///< the largest
  std::vector<double> margin = {};     ///< of the largest over the second
  std::vector<double> distance = {};
  std::vector<Label> answer = {};
  std::vector<bool> correct = {};
};

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void append(Scores& to, const Scores& from) {
  append(to.posterior, from.posterior);
  append(to.margin, from.margin);
  append(to.distance, from.distance);
  append(to.answer, from.answer);
  append(to.correct, from.correct);
}

/// In double: in float, half of the largest posteriors would be the same 1.
nn::Tensor<double> posteriors_of(const nn::Tensor<float>& logits) {
  nn::Tensor<double> exact(logits.shape());
  std::copy(logits.begin(), logits.end(), exact.begin());
  return nn::softmax_rows(exact);
}

/// A network, and the distances in its features.
template <class Model>
class Recogniser {
 public:
  Recogniser(const Model& model, FeatureChoice choice, const Dataset& learned)
      : model_(model),
        choice_(std::move(choice)),
        distance_(features_of(model, learned, choice_), learned.labels(), learned.classes(), 1e-3) {
  }

  [[nodiscard]] const FeatureChoice& choice() const { return choice_; }

  /// The distances alone, piece by piece: the features of a whole base would take much memory.
  [[nodiscard]] std::vector<double> distances(const Dataset& data) const {
    constexpr Index piece = 2048;
    std::vector<double> all;
    for (Index first = 0; first < data.size(); first += piece) {
      const Dataset part = data.slice(first, std::min(piece, data.size() - first));
      append(all, distance_(features_of(model_, part, choice_)));
    }
    return all;
  }

  [[nodiscard]] Scores operator()(const Dataset& data) const {
    const nn::Tensor<float> logits = nn::predict(model_, data);
    const nn::Tensor<double> posteriors = posteriors_of(logits);
    Scores scores{.posterior = nn::largest_posteriors(posteriors),
                  .margin = nn::posterior_margins(posteriors),
                  .distance = distances(data)};
    for (Index i = 0; i < data.size(); ++i) {
      const Label answer = nn::predicted_class(std::span<const float>(logits.sample(i).span()));
      scores.answer.push_back(answer);
      scores.correct.push_back(answer == data.label(i));
    }
    return scores;
  }

 private:
  const Model& model_;
  FeatureChoice choice_;
  nn::MahalanobisDistance distance_;
};

double rejected_share(const std::vector<double>& scores, double threshold, Reject side) {
  const auto count = std::count_if(scores.begin(), scores.end(), [&](double score) {
    return nn::is_rejected(score, threshold, side);
  });
  return static_cast<double>(count) / static_cast<double>(scores.size());
}

/// How the features were chosen: by digits of the validation base against random images.
struct Trial {
  FeatureChoice choice;
  double rejected = 0;  ///< of the random images, where 5 % of the digits are
};

template <class Model>
std::vector<Trial> try_features(const Options& options, const Model& model, const Bases& bases,
                                const Dataset& learned) {
  const nn::Shape& shape = bases.train.sample_shape();
  const Dataset random =
      nn::random_images(nn::standard_generators(bases.train), options.quick ? 500 : 2000, shape[0],
                        shape[1], options.seed + 1000)
          .with_normalization(bases.train.normalization());
  std::vector<Trial> trials;
  for (const FeatureChoice& choice :
       {FeatureChoice{"last hidden layer", true, 0},
        FeatureChoice{"last filters, mean over the image", false, 1},
        FeatureChoice{"last filters, means over 3x3 parts", false, 3},
        FeatureChoice{"last hidden layer and last filters, 3x3 parts", true, 3}}) {
    const Recogniser<Model> recogniser(model, choice, learned);
    const double threshold =
        nn::threshold_for_rate(recogniser.distances(bases.validation), allowed_rate, Reject::above);
    trials.push_back(
        {choice, rejected_share(recogniser.distances(random), threshold, Reject::above)});
  }
  return trials;
}

const Trial& best_of(const std::vector<Trial>& trials) {
  return *std::max_element(trials.begin(), trials.end(),
                           [](const Trial& a, const Trial& b) { return a.rejected < b.rejected; });
}

// ---- the two kinds of rejection ----

/// A kind of rejection: its scores, and the thresholds that the validation base gives it.
struct Kind {
  std::string name;
  Reject side;
  std::vector<double> Scores::*score;
  double none;  ///< a threshold that rejects nothing
};

/// The thresholds that reject these shares of the validation base, after one that rejects nothing.
std::vector<double> thresholds(const Kind& kind, const Scores& validation,
                               const std::vector<double>& rates) {
  std::vector<double> result{kind.none};
  for (const double rate : rates) {
    result.push_back(nn::threshold_for_rate(validation.*kind.score, rate, kind.side));
  }
  return result;
}

std::vector<nn::RejectionPoint> points(const Kind& kind, const Scores& scores,
                                       const std::vector<double>& at) {
  return nn::rejection_curve(scores.*kind.score, scores.correct, at, kind.side);
}

double area(const Kind& kind, const Scores& scores) {
  return nn::area_under_rejection(scores.*kind.score, scores.correct, kind.side);
}

/// The thresholds of the tables.
std::vector<double> table_rates() {
  return {0.002, 0.005, 0.01, working_rate, 0.02, 0.03, allowed_rate, 0.1, 0.15, 0.2, 0.3, 0.5};
}

/// Those of the curves: evenly spaced by their logarithm.
std::vector<double> curve_rates() {
  constexpr int count = 80;
  std::vector<double> rates;
  for (int k = 0; k <= count; ++k) {
    rates.push_back(0.002 * std::pow(300.0, static_cast<double>(k) / count));
  }
  return rates;
}

/// A threshold as readers can tell it from its neighbours.
std::string threshold_text(double threshold, Reject side) {
  if (side == Reject::above) return example::fixed(threshold, 2);
  if (threshold < 0.999) return example::fixed(threshold, 4);
  const double nines = -std::log10(std::max(1 - threshold, 1e-12));
  return example::fixed(threshold, static_cast<int>(nines) + 2);
}

example::Table rejection_table(const Kind& kind, const std::vector<nn::RejectionPoint>& rows,
                               const std::string& caption) {
  example::Table table{.caption = caption,
                       .columns = {"threshold", "rejected", "recognition", "error", "overall"}};
  for (const nn::RejectionPoint& row : rows) {
    table.rows.push_back({threshold_text(row.threshold, kind.side),
                          example::percent(row.rejection_rate),
                          example::percent(row.accuracy_accepted, 3),
                          example::percent(row.error_rate, 3), example::percent(row.overall_rate)});
  }
  return table;
}

example::Metrics rejection_metrics(const std::vector<nn::RejectionPoint>& rows) {
  example::Metrics metrics = example::Metrics::array();
  for (const nn::RejectionPoint& row : rows) {
    metrics.push_back({{"threshold", row.threshold},
                       {"rejection_rate", row.rejection_rate},
                       {"recognition_rate_accepted", row.accuracy_accepted},
                       {"error_rate", row.error_rate},
                       {"overall_rate", row.overall_rate}});
  }
  return metrics;
}

/// Rejection and recognition against the threshold: NAME_rejection.png and NAME_recognition.png.
void draw_thresholds(const Options& options, const Kind& kind, const Scores& validation,
                     const Scores& everything, const Scores& unseen) {
  const bool ambiguity = kind.side == Reject::below;
  std::vector<double> at = thresholds(kind, validation, curve_rates());
  // The threshold that rejects nothing may lie far out; a point a little beyond the others shows
  // as much.
  if (!ambiguity) at.front() = std::min(at.front(), 1.15 * at[1]);
  const auto curve = [&](const std::string& name, const Scores& scores,
                         double nn::RejectionPoint::*rate) {
    nn::viz::Curve result{.name = name, .style = nn::viz::CurveStyle::line};
    for (const nn::RejectionPoint& point : points(kind, scores, at)) {
      result.x.push_back(ambiguity ? 1 - point.threshold : point.threshold);
      result.y.push_back(point.*rate);
    }
    return result;
  };
  const auto draw = [&](const std::string& what, const std::string& title, const std::string& label,
                        double nn::RejectionPoint::*rate) {
    nn::viz::plot_curves(
        options.out / (kind.name + '_' + what + ".png"),
        {curve("entire base", everything, rate), curve("unseen part", unseen, rate)},
        {.title = title,
         .x = {.label = ambiguity ? "1 − threshold of the largest posterior"
                                  : "threshold of the distance",
               .logarithmic = ambiguity},
         .y = {.label = label, .percent = true}});
  };
  draw("rejection", "Rejection rate", "rejected", &nn::RejectionPoint::rejection_rate);
  draw("recognition", "Recognition rate of the accepted", "recognised among the accepted",
       &nn::RejectionPoint::accuracy_accepted);
}

/// Recognition against rejection of both kinds, with the best that is possible: all errors first.
void draw_comparison(const Options& options, const std::vector<Kind>& kinds,
                     const Scores& validation, const Scores& unseen, double recognition) {
  std::vector<nn::viz::Curve> curves;
  nn::viz::Curve best{.name = "errors only",
                      .style = nn::viz::CurveStyle::line,
                      .dashed = true,
                      .colour = nn::viz::Colour{120, 120, 120}};
  for (const Kind& kind : kinds) {
    nn::viz::Curve curve{
        .name = kind.name + " (area " + example::fixed(area(kind, unseen), 5) + ")",
        .style = nn::viz::CurveStyle::line};
    for (const nn::RejectionPoint& point :
         points(kind, unseen, thresholds(kind, validation, curve_rates()))) {
      if (point.rejection_rate > 0.5) continue;
      curve.x.push_back(point.rejection_rate);
      curve.y.push_back(point.accuracy_accepted);
    }
    curves.push_back(curve);
  }
  constexpr int steps = 200;
  for (int k = 0; k <= steps; ++k) {
    const double rate = 0.5 * static_cast<double>(k) / steps;
    best.x.push_back(rate);
    best.y.push_back(std::min(1.0, recognition / (1 - rate)));
  }
  curves.push_back(best);
  nn::viz::plot_curves(options.out / "comparison.png", curves,
                       {.title = "Recognition against rejection on the unseen part",
                        .x = {.label = "rejected", .percent = true, .min = 0.0, .max = 0.5},
                        .y = {.label = "recognised among the accepted", .percent = true},
                        .size = {720, 420}});
}

// ---- images that are not digits ----

struct Others {
  std::string name;
  Dataset data;
};

/// Digits turned by a quarter, without the 0, which turned is still one.
Dataset turned(const Dataset& digits) {
  std::vector<Index> kept;
  for (Index i = 0; i < digits.size(); ++i) {
    if (digits.label(i) != 0) kept.push_back(i);
  }
  const nn::Shape& shape = digits.sample_shape();
  nn::Tensor<std::uint8_t> images(shape.prepended(static_cast<Index>(kept.size())));
  std::vector<Label> labels;
  for (std::size_t k = 0; k < kept.size(); ++k) {
    const auto from = digits.image(kept[k]);
    const auto to = images.sample(static_cast<Index>(k));
    for (Index y = 0; y < shape[0]; ++y) {
      for (Index x = 0; x < shape[1]; ++x) to(y, x, 0) = from(x, shape[1] - 1 - y, 0);
    }
    labels.push_back(digits.label(kept[k]));
  }
  return {std::move(images), std::move(labels), digits.class_names(), "digits turned by 90°"};
}

std::vector<Others> other_images(const Options& options, const Bases& bases) {
  const Index most = options.quick ? 1000 : 10000;
  const auto first_of = [&](const Dataset& data) {
    return data.slice(0, std::min(most, data.size()));
  };
  std::vector<Others> others;
  if (const auto folder = example::find_dataset(options.data, "fashion-mnist")) {
    others.push_back({"Fashion-MNIST", first_of(nn::load_fashion_mnist(*folder).test)});
  }
  const std::vector<nn::ImageGenerator> kinds = nn::standard_generators(bases.train);
  const auto middle = kinds.begin() + 5;
  const nn::Shape& shape = bases.train.sample_shape();
  const auto random = [&](auto begin, auto end) {
    return nn::random_images({begin, end}, most / 5, shape[0], shape[1], options.seed + 2000);
  };
  others.push_back({"noise", random(kinds.begin(), middle)});
  others.push_back({"random drawings", random(middle, kinds.end())});
  others.push_back({"digits turned by 90°", turned(first_of(bases.test))});
  for (Others& other : others) {
    other.data = other.data.with_normalization(bases.train.normalization());
  }
  return others;
}

/// What the thresholds that reject 5 % of the validation base do to other images.
struct Verdict {
  std::string name;
  Index images = 0;
  double ambiguity = 0;
  double distance = 0;
  double either = 0;
  double mean_posterior = 0;
};

Verdict verdict_on(const std::string& name, const Scores& scores, const Kind& ambiguity,
                   const Kind& distance, const Scores& validation) {
  const double lowest = nn::threshold_for_rate(validation.posterior, allowed_rate, ambiguity.side);
  const double farthest = nn::threshold_for_rate(validation.distance, allowed_rate, distance.side);
  Verdict verdict{.name = name,
                  .images = static_cast<Index>(scores.posterior.size()),
                  .ambiguity = rejected_share(scores.posterior, lowest, ambiguity.side),
                  .distance = rejected_share(scores.distance, farthest, distance.side)};
  Index either = 0;
  for (std::size_t i = 0; i < scores.posterior.size(); ++i) {
    verdict.mean_posterior += scores.posterior[i] / static_cast<double>(verdict.images);
    if (nn::is_rejected(scores.posterior[i], lowest, ambiguity.side) ||
        nn::is_rejected(scores.distance[i], farthest, distance.side)) {
      ++either;
    }
  }
  verdict.either = static_cast<double>(either) / static_cast<double>(verdict.images);
  return verdict;
}

example::Table verdicts_table(const std::vector<Verdict>& verdicts) {
  example::Table table{
      .caption =
          "What is rejected at the thresholds that reject 5 % of the validation base, and "
          "the mean of the largest posterior.",
      .columns = {"images", "number", "by ambiguity", "by distance", "by either",
                  "mean posterior"}};
  for (const Verdict& verdict : verdicts) {
    table.rows.push_back({verdict.name, example::thousands(verdict.images),
                          example::percent(verdict.ambiguity), example::percent(verdict.distance),
                          example::percent(verdict.either),
                          example::fixed(verdict.mean_posterior)});
  }
  return table;
}

void draw_verdicts(const Options& options, const std::vector<Verdict>& verdicts) {
  std::vector<std::string> names;
  nn::viz::BarSeries ambiguity{.name = "ambiguity"};
  nn::viz::BarSeries distance{.name = "distance"};
  for (const Verdict& verdict : verdicts) {
    names.push_back(verdict.name);
    ambiguity.values.push_back(verdict.ambiguity);
    distance.values.push_back(verdict.distance);
  }
  nn::viz::plot_bars(options.out / "others.png", names, {ambiguity, distance},
                     {.title = "Rejected at the thresholds that reject 5 % of the digits",
                      .y = {.label = "rejected", .percent = true, .max = 1.0},
                      .size = {720, 380}});
}

/// The first images of the test base that a kind rejects; returns how many of them are recognised
/// wrongly.
Index draw_first(const Options& options, const Kind& kind, const Dataset& test,
                 const Scores& unseen, std::size_t count) {
  const std::vector<double>& scores = unseen.*kind.score;
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return kind.side == Reject::below ? scores[a] < scores[b] : scores[a] > scores[b];
  });
  order.resize(std::min(order.size(), count));
  const auto name = [&](Label label) {
    return test.class_names()[static_cast<std::size_t>(label)];
  };
  std::vector<nn::viz::Image> images;
  std::vector<std::string> labels;
  Index wrong = 0;
  for (const std::size_t i : order) {
    const Label truth = test.label(static_cast<Index>(i));
    images.emplace_back(test.image(static_cast<Index>(i)));
    labels.push_back(unseen.correct[i] ? name(truth)
                                       : name(truth) + " as " + name(unseen.answer[i]));
    if (!unseen.correct[i]) ++wrong;
  }
  nn::viz::write_png(options.out / ("first_" + kind.name + ".png"),
                     nn::viz::image_grid(images, 8, {.scale = 5, .labels = labels}));
  return wrong;
}

// ---- the study ----

/// The share of all errors that a threshold removes.
double removed_errors(const nn::RejectionPoint& point, double recognition) {
  return recognition < 1 ? 1 - point.error_rate / (1 - recognition) : 0;
}

std::string share_of_errors(const nn::RejectionPoint& point, double recognition) {
  return "rejecting " + example::percent(point.rejection_rate) + " of the samples removes " +
         example::percent(removed_errors(point, recognition), 1) +
         " of the errors and leaves an error of " +
         example::percent(1 - point.accuracy_accepted, 3) + " among the accepted";
}

void study(const Options& options) {
  const Bases bases = load(options);
  nn::Model model(example::convolutional_network(bases.train.classes()), bases.train.sample_shape(),
                  {.seed = options.seed});
  const nn::History history = example::train(model, bases.train, nn::SoftmaxCrossEntropy{},
                                             nn::Adam{.learning_rate = 0.003F},
                                             {.epochs = options.epochs,
                                              .batch_size = 128,
                                              .seed = options.seed,
                                              .validation = &bases.validation,
                                              .schedule = nn::one_cycle_schedule(),
                                              .early_stopping = {.patience = options.epochs},
                                              .augmentation = nn::RandomShift{2}});
  const Index kept = example::kept_epoch(history);

  const Dataset learned = nn::random_subset(bases.train, std::min<Index>(bases.train.size(), 20000),
                                            {.seed = options.seed});
  const std::vector<Trial> trials = try_features(options, model, bases, learned);
  const Trial& chosen = best_of(trials);
  const Recogniser recogniser(model, chosen.choice, learned);

  const Scores validation = recogniser(bases.validation);
  const Scores unseen = recogniser(bases.test);
  Scores everything = recogniser(bases.train);
  append(everything, validation);
  append(everything, unseen);
  const auto rate_of = [](const Scores& scores) {
    return static_cast<double>(std::count(scores.correct.begin(), scores.correct.end(), true)) /
           static_cast<double>(scores.correct.size());
  };
  const double recognition = rate_of(everything);
  const double unseen_recognition = rate_of(unseen);

  const double beyond_all =
      std::ceil(*std::max_element(everything.distance.begin(), everything.distance.end()));
  const std::vector<Kind> kinds{{"ambiguity", Reject::below, &Scores::posterior, 0.0},
                                {"distance", Reject::above, &Scores::distance, beyond_all}};
  const Kind margin{"margin", Reject::below, &Scores::margin, 0.0};

  example::Metrics metrics;
  metrics["dataset"] = "mnist";
  metrics["images"] = everything.correct.size();
  metrics["unseen_images"] = unseen.correct.size();
  metrics["recognition_rate"] = recognition;
  metrics["unseen_recognition_rate"] = unseen_recognition;
  std::vector<std::vector<nn::RejectionPoint>> tables;
  std::vector<std::vector<nn::RejectionPoint>> unseen_tables;
  std::vector<nn::RejectionPoint> working;
  std::vector<Index> wrong_first;
  constexpr std::size_t shown = 24;
  for (const Kind& kind : kinds) {
    const std::vector<double> at = thresholds(kind, validation, table_rates());
    tables.push_back(points(kind, everything, at));
    unseen_tables.push_back(points(kind, unseen, at));
    working.push_back(points(kind, unseen, thresholds(kind, validation, {working_rate})).back());
    draw_thresholds(options, kind, validation, everything, unseen);
    wrong_first.push_back(draw_first(options, kind, bases.test, unseen, shown));
    metrics[kind.name] = rejection_metrics(tables.back());
    metrics["unseen_" + kind.name] = rejection_metrics(unseen_tables.back());
  }
  draw_comparison(options, kinds, validation, unseen, unseen_recognition);
  example::Table areas{
      .caption = "The area under recognition against rejection, every share rejected once.",
      .columns = {"kind", "entire base", "unseen part"}};
  for (const Kind& kind : {kinds[0], margin, kinds[1]}) {
    const double whole = area(kind, everything);
    const double part = area(kind, unseen);
    metrics["area_" + kind.name] = whole;
    metrics["unseen_area_" + kind.name] = part;
    const std::string name = kind.name == "ambiguity" ? "ambiguity (largest posterior)"
                             : kind.name == "margin"  ? "ambiguity (margin over the second)"
                                                      : kind.name;
    areas.rows.push_back({name, example::fixed(whole, 6), example::fixed(part, 6)});
  }

  std::vector<Verdict> verdicts{
      verdict_on("unseen digits", unseen, kinds[0], kinds[1], validation)};
  for (const Others& other : other_images(options, bases)) {
    verdicts.push_back(
        verdict_on(other.name, recogniser(other.data), kinds[0], kinds[1], validation));
  }
  draw_verdicts(options, verdicts);

  example::Table trials_table{.caption =
                                  "Random images rejected at the distance that rejects 5 % of the "
                                  "validation base; in bold, "
                                  "the features that were chosen.",
                              .columns = {"features", "random images rejected"}};
  for (const Trial& trial : trials) {
    if (&trial == &chosen) {
      trials_table.bold_rows = {static_cast<Index>(trials_table.rows.size())};
    }
    trials_table.rows.push_back({trial.choice.name, example::percent(trial.rejected)});
    metrics["features"].push_back({{"name", trial.choice.name},
                                   {"random_images_rejected", trial.rejected},
                                   {"chosen", &trial == &chosen}});
  }
  for (const Verdict& verdict : verdicts) {
    metrics["other_images"].push_back({{"name", verdict.name},
                                       {"images", verdict.images},
                                       {"ambiguity_rejected", verdict.ambiguity},
                                       {"distance_rejected", verdict.distance},
                                       {"either_rejected", verdict.either},
                                       {"mean_largest_posterior", verdict.mean_posterior}});
  }
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    metrics["working_point"].push_back(
        {{"kind", kinds[k].name},
         {"threshold", working[k].threshold},
         {"unseen_rejection_rate", working[k].rejection_rate},
         {"unseen_error_accepted", 1 - working[k].accuracy_accepted},
         {"unseen_errors_removed", removed_errors(working[k], unseen_recognition)},
         {"wrong_among_first_rejected", wrong_first[k]}});
  }
  metrics["first_rejected"] = shown;
  metrics["epochs"] = options.epochs;
  metrics["epochs_kept"] = kept;
  for (const nn::EpochRecord& epoch : history.epochs) {
    metrics["validation_loss"].push_back(epoch.validation_loss);
  }
  metrics["seed"] = options.seed;
  example::write_metrics(options.out, metrics);

  const bool exact = tables[0].front().accuracy_accepted == recognition &&
                     tables[1].front().accuracy_accepted == recognition &&
                     unseen_tables[0].front().accuracy_accepted == unseen_recognition &&
                     unseen_tables[1].front().accuracy_accepted == unseen_recognition;
  nn::require(exact, "the rates of a threshold that rejects nothing are not the plain ones");
  const Verdict& example_of_others = verdicts[1];
  example::Page page("Being allowed to say “I don't know”",
                     "What does a classifier gain by rejecting images between the classes, or far "
                     "from all of them?");
  page.key_figures({{example::percent(unseen_recognition), "of the unseen images recognised"},
                    {example::percent(removed_errors(working[0], unseen_recognition), 0),
                     "of the errors removed by rejecting " +
                         example::percent(working[0].rejection_rate) + " for ambiguity"},
                    {example::percent(example_of_others.ambiguity, 1),
                     "of " + example_of_others.name + " rejected by ambiguity"},
                    {example::percent(example_of_others.distance, 1),
                     "of " + example_of_others.name + " rejected by distance"}});
  page.section("Without rejection")
      .paragraph("The convolutional network learnt from " + example::thousands(bases.train.size()) +
                 " images in " + example::counted(options.epochs, "epoch") +
                 ", moved by up to two pixels at random. Another " +
                 example::thousands(bases.validation.size()) +
                 " images of the learning base, in the same proportions, are the validation base. "
                 "The network kept is that of epoch " +
                 std::to_string(kept) +
                 ", whose cost on them was the least, and every threshold below was chosen on them "
                 "too. The " +
                 example::thousands(bases.test.size()) +
                 " images of the test base are the unseen part; nothing was chosen by them.")
      .table(
          {.caption = "Recognition without rejection.",
           .columns = {"base", "images", "recognised", "rate"},
           .rows = {
               {"entire base", example::thousands(static_cast<Index>(everything.correct.size())),
                example::thousands(
                    std::count(everything.correct.begin(), everything.correct.end(), true)),
                example::percent(recognition, 3)},
               {"unseen part", example::thousands(bases.test.size()),
                example::thousands(std::count(unseen.correct.begin(), unseen.correct.end(), true)),
                example::percent(unseen_recognition, 3)}}});
  page.conclusion("Most of the entire base was learnt from, so its rate is " +
                  std::string(recognition > unseen_recognition ? "higher by " : "lower by ") +
                  example::fixed(100 * std::abs(recognition - unseen_recognition), 2) +
                  " points. What follows is judged by the unseen part.");

  page.section("Two reasons to reject")
      .paragraph(
          "**Ambiguity**: the image lies between classes. It is rejected when its largest "
          "a-posteriori probability is below a threshold (Chow 1970).")
      .paragraph(
          "**Distance**: the image lies far from all classes. It is rejected when the Mahalanobis "
          "distance of its features to the nearest class, all classes having one covariance, is "
          "above a threshold (Dubuisson and Masson 1993; Lee et al. 2018). The means and the "
          "covariance are those of " +
          example::thousands(learned.size()) + " images of the learning base.")
      .table(trials_table);
  page.conclusion(
      "The features were chosen by random images of ten kinds, noise and drawings. Those that "
      "reject the most of them are “" +
      chosen.choice.name + "”, with " + example::percent(chosen.rejected) +
      ". Clothes and turned digits had no part in this.");

  const auto kind_section = [&](std::size_t k, const std::string& heading,
                                const std::string& text) {
    const Kind& kind = kinds[k];
    page.section(heading)
        .paragraph(text)
        .table(rejection_table(kind, tables[k], "The entire base."))
        .table(rejection_table(kind, unseen_tables[k], "The unseen part."))
        .pictures({{kind.name + "_rejection.png", "What is rejected, against the threshold."},
                   {kind.name + "_recognition.png", "What is recognised of the rest."}});
    page.conclusion("At the threshold " + threshold_text(working[k].threshold, kind.side) +
                    ", which rejects " + example::percent(working_rate, 1) +
                    " of the validation base, " + share_of_errors(working[k], unseen_recognition) +
                    " of the unseen part. The first row rejects nothing: its rates are exactly "
                    "those without rejection.");
  };
  kind_section(0, "Ambiguity",
               "From row to row, the largest posterior has to be higher for an image to be "
               "accepted. The thresholds are those that reject from 0.2 % to 50 % of the "
               "validation base. **Rejected**, **error** (accepted and wrong) and **overall** "
               "(accepted and right) are shares of all images and make 100 %; **recognition** is "
               "the share of the accepted that is right.");
  kind_section(1, "Distance",
               "From row to row, an image has to lie nearer to a class to be accepted; the first "
               "threshold is one that no image of the base reaches.");

  const double area_ambiguity = area(kinds[0], unseen);
  const double area_distance = area(kinds[1], unseen);
  page.section("Which is the better at finding errors?")
      .picture("comparison.png",
               "Recognition against rejection; the dashed line is that of a rejection that knows "
               "the errors.")
      .table(areas);
  page.conclusion(
      std::string(area_ambiguity > area_distance ? "Ambiguity" : "Distance") +
      " has the larger area, " + example::fixed(std::max(area_ambiguity, area_distance), 5) +
      " against " + example::fixed(std::min(area_ambiguity, area_distance), 5) +
      ": at its threshold of " + example::percent(working_rate, 1) + ", ambiguity removes " +
      example::percent(removed_errors(working[0], unseen_recognition), 1) +
      " of the errors, and distance " +
      example::percent(removed_errors(working[1], unseen_recognition), 1) + ". " +
      (area_ambiguity > area_distance
           ? "The errors among digits are mostly digits between two classes, not far from all."
           : "Here the errors among digits are mostly digits that look like no class."));

  std::string others_text;
  for (std::size_t k = 1; k < verdicts.size(); ++k) {
    others_text += (k == 1 ? "Of " : "; of ") + verdicts[k].name + ", ambiguity rejects " +
                   example::percent(verdicts[k].ambiguity, 1) + " and distance " +
                   example::percent(verdicts[k].distance, 1);
  }
  const auto better = std::count_if(verdicts.begin() + 1, verdicts.end(),
                                    [](const Verdict& v) { return v.distance > v.ambiguity; });
  page.section("Images that are not digits")
      .paragraph(
          "A network must answer with one of its ten classes, whatever it is shown. Here it is "
          "shown what it was never to know, at the thresholds of either kind that reject 5 % of "
          "the validation base. A good rejection refuses all of it, and 5 % of the digits. Turned "
          "digits are without the 0, which turned is still one.")
      .picture("others.png", "What is rejected by either kind.")
      .table(verdicts_table(verdicts));
  if (!example::find_dataset(options.data, "fashion-mnist")) {
    page.note("Put Fashion-MNIST beside the digits, into `fashion-mnist`, to see clothes here.");
  }
  page.conclusion(others_text + ". Distance rejects more than ambiguity of " +
                  std::to_string(better) + " of these " + std::to_string(verdicts.size() - 1) +
                  " kinds of images. " +
                  (example_of_others.distance > example_of_others.ambiguity
                       ? "Ambiguity is fooled where the network is sure of itself: the mean "
                         "largest posterior of " +
                             example_of_others.name + " is " +
                             example::fixed(example_of_others.mean_posterior) +
                             ", though none of it is a digit. To be far from one class more than "
                             "from another is not to be near it."
                       : "Here the network's doubt tells as much as its features."));

  page.section("The first to be rejected")
      .paragraph("The " + std::to_string(shown) +
                 " images of the unseen part that either kind rejects first: the class, and what "
                 "it was taken for where that is another.")
      .picture("first_ambiguity.png", "Ambiguity: those of the smallest largest posterior.")
      .picture("first_distance.png", "Distance: those farthest from all classes.");
  page.conclusion("Of the first " + std::to_string(shown) + ", ambiguity rejects " +
                  std::to_string(wrong_first[0]) + " that would be errors, and distance " +
                  std::to_string(wrong_first[1]) + ". " +
                  (wrong_first[0] > wrong_first[1]
                       ? "The former could be read in two ways; the latter are often readable, "
                         "but written as no other."
                       : "Both find digits that are hard to read."));

  page.section("What each kind is for");
  const std::size_t finder = area_ambiguity > area_distance ? 0 : 1;
  page.conclusion(
      "Against errors among digits, " + kinds[finder].name +
      " is the kind to use: " + share_of_errors(working[finder], unseen_recognition) +
      ", against " + example::percent(1 - unseen_recognition) +
      " without rejection. Against images that are not digits, " +
      (2 * static_cast<std::size_t>(better) > verdicts.size() - 1 ? "distance" : "ambiguity") +
      " is. They cost the same, 5 % of the validation base, and both together reject " +
      example::percent(verdicts[0].either, 1) + " of the unseen digits and " +
      example::percent(example_of_others.either, 1) + " of " + example_of_others.name + ".");
  example::add_facts(page, options, bases.train);
  page.write(options.out);
  std::cout << "recognition rate: entire base " << example::percent(recognition, 3)
            << ", unseen part " << example::percent(unseen_recognition, 3) << '\n'
            << "ambiguity: " << share_of_errors(working[0], unseen_recognition) << '\n'
            << "distance: " << share_of_errors(working[1], unseen_recognition) << '\n'
            << others_text << '\n'
            << "page: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_rejection",
                            "Lets a classifier reject images, for ambiguity or for distance.",
                            options, {.epochs = 10, .quick_epochs = 3});
  return example::run_program(line, argc, argv, [&] { study(options); });
}
