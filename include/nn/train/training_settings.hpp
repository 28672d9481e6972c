/// @file
/// By what a checkpoint tells one training from another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "nn/core/settings.hpp"
#include "nn/data/sample_reader.hpp"
#include "nn/layers/plan.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/train/checkpoint_bytes.hpp"

namespace nn::detail {

/// All that makes the result of a training and has to be the same for it to go on. What a program
/// cannot look into, such as an augmentation, counts as being there or not.
struct TrainingIdentity {
  DataView data;
  DataPointer watched;  ///< the validation set, where early stopping watches it; else none
  const Plan& network;
  std::string loss;
  std::string rule;
  const OptimizerOptions& rule_options;
  int monitor;  ///< what early stopping watches; -1 for none
  double min_delta;
  bool restore_best;
  Index batch_size;
  Index accumulate;
  std::uint64_t seed;
  bool shuffle;
  bool drop_last;
  bool augmentation;
  bool transform;
  bool validation_transform;
  double clip_norm;
  double average_decay;
  Index pieces;  ///< of a batch that processes share; else 0
};

[[nodiscard]] inline std::string fingerprint(std::string_view bytes) {
  std::uint64_t sum = Crc64::of(bytes);
  std::string digits;
  for (int i = 0; i < 16; ++i, sum <<= 4U) digits += "0123456789abcdef"[sum >> 60U];
  return digits;
}

template <class Number>
[[nodiscard]] std::string_view bytes_of(TensorView<const Number> values) {
  return {reinterpret_cast<const char*>(values.data()),  // NOLINT: bytes to be summed up
          static_cast<std::size_t>(values.size()) * sizeof(Number)};
}

/// The fingerprint of all samples of a source that is no Dataset, as of epoch 0.
[[gnu::cold]] [[nodiscard]] inline std::string fingerprint_of(const DataView& data) {
  SampleReader<double> read(data);
  Tensor<double> input(read.facts().sample_shape);
  Tensor<double> target(read.facts().target_shape);
  std::string sums;  // of every sample
  for (Index i = 0; i < read.facts().size; ++i) {
    Sample<double> sample{input, target};
    read(i, sample);
    append_number(sums, Crc64::of(bytes_of(std::as_const(input).view())));
    append_number(sums, Crc64::of(bytes_of(std::as_const(target).view())));
    append_number(sums, sample.label);
    append_number(sums, sample.weight);
  }
  return fingerprint(sums);
}

/// "name: value", one a line, so that a difference can be named.
class SettingLines {
 public:
  void add(const std::string& name, std::string value) {
    for (char& character : value) character = character == '\n' ? ' ' : character;
    (((lines_ += name) += ": ") += value) += '\n';
  }
  void add(const std::string& name, double value) { add(name, exact_number(value)); }
  void add(const std::string& name, bool value) { add(name, std::string(value ? "yes" : "no")); }

  /// What is in a data set, and in which order.
  void add(const std::string& name, const DataView& data) {
    if (data.images() != nullptr) return add_images(name, *data.images());
    const DataFacts facts = data.facts();
    const std::string said = data.settings();
    add(name + " samples", text(facts.size, " of ", facts.sample_shape, " with ", facts.classes,
                                " classes and targets of ", facts.target_shape, ", ") +
                               (said.empty() ? "fingerprint " + fingerprint_of(data) : said));
    add_classes(name, data.class_names());
  }

  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  void add_images(const std::string& name, const Dataset& data) {
    std::string sums;  // of every image: their fingerprint is that of all bytes and their order
    for (Index i = 0; i < data.size(); ++i) {
      append_number(sums, Crc64::of(bytes_of(data.image(i))));
    }
    add(name + " images",
        text(data.size(), " of ", data.sample_shape(), ", fingerprint ") + fingerprint(sums));
    add(name + " labels", "fingerprint " + fingerprint(bytes_of(data.labels())));
    add_classes(name, data.class_names());
    std::string normalisation;
    for (Index channel = 0; channel < data.sample_shape().back(); ++channel) {
      ((normalisation += "mean ") += exact_number(data.normalization().mean_of(channel))) +=
          " and deviation ";
      (normalisation += exact_number(data.normalization().deviation_of(channel))) += "; ";
    }
    add(name + " normalisation", normalisation.substr(0, normalisation.rfind(';')));
  }

  void add_classes(const std::string& name, const std::vector<std::string>& class_names) {
    std::string classes;
    for (const std::string& one : class_names) (classes += one) += ", ";
    add(name + " classes",
        classes.substr(0, classes.size() - std::size_t{classes.empty() ? 0U : 2U}));
  }

  std::string lines_;
};

/// The identity in words, a line each.
[[gnu::cold]] [[nodiscard]] inline std::string training_settings(const TrainingIdentity& training) {
  SettingLines lines;
  lines.add("training set's", training.data);
  if (training.watched) lines.add("validation set's", *training.watched);
  Plan::for_each(training.network, [&](const Plan& layer) {
    lines.add(layer.path.empty() ? "network" : "layer " + layer.path,
              layer.name + layer.settings + (layer.trainable ? "" : " (frozen)"));
  });
  lines.add("loss", training.loss);
  lines.add("rule", training.rule);
  for (const ParameterGroup& group : training.rule_options.groups) {
    lines.add("parameter group " + group.path,
              settings("", {{"learning_rate", group.learning_rate},
                            {"weight_decay", group.weight_decay}}));
    if (group.elementwise) lines.add("parameter group " + group.path + " elementwise", true);
  }
  lines.add("decay_all", training.rule_options.decay_all);
  lines.add("batch_size", std::to_string(training.batch_size));
  if (training.pieces > 0) lines.add("pieces", std::to_string(training.pieces));
  if (training.accumulate > 1) lines.add("accumulate", std::to_string(training.accumulate));
  lines.add("seed", std::to_string(training.seed));
  lines.add("shuffle", training.shuffle);
  lines.add("drop_last", training.drop_last);
  lines.add("clip_norm", training.clip_norm);
  lines.add("average_decay", training.average_decay);
  lines.add("augmentation", training.augmentation);
  lines.add("transform", training.transform);
  lines.add("validation_transform", training.validation_transform);
  if (training.monitor < 0) return lines.lines();
  const char* const monitors[] = {"validation_loss", "validation_accuracy", "loss", "accuracy"};
  lines.add("early_stopping", std::string(monitors[training.monitor]));
  lines.add("min_delta", training.min_delta);
  lines.add("restore_best", training.restore_best);
  return lines.lines();
}

/// The value of the line that starts with `name`, or "none".
[[nodiscard]] inline std::string_view value_in(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": ")) {
      return line.size() == name.size() + 2 ? "none" : line.substr(name.size() + 2);
    }
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  return "none";
}

/// The name of the first setting in which the two differ, or "" where they are the same.
[[gnu::cold]] [[nodiscard]] inline std::string_view differing_setting(std::string_view stored,
                                                                      std::string_view present) {
  for (std::string_view lines : {present, stored}) {
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      const std::string_view name = line.substr(0, line.find(": "));
      if (value_in(stored, name) != value_in(present, name)) return name;
      lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    }
  }
  return {};
}

/// In words, the first setting in which the two differ, or "" where they are the same.
[[gnu::cold]] [[nodiscard]] inline std::string settings_difference(std::string_view stored,
                                                                   std::string_view present) {
  const std::string_view name = differing_setting(stored, present);
  if (name.empty()) return {};
  const bool data = name.find(" set's ") != std::string_view::npos;
  return text("belongs to ", data ? "other data" : "another training", ": ", name, " there ",
              value_in(stored, name), ", here ", value_in(present, name));
}

}  // namespace nn::detail
