/// @file
/// From a model's file and a picture to an answer. Needs the CMake targets nn::json and nn::image.
#pragma once

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/model_file.hpp"
#include "nn/train/calibration.hpp"
#include "nn/train/features.hpp"
#include "nn/train/rejection.hpp"
#include "nn/train/test_time.hpp"
#include "nn/viz/image.hpp"
#include "nn/viz/prepare_picture.hpp"

namespace nn {

/// What a classifier says of a picture.
struct Classification {
  Label label = 0;                     ///< the likeliest class
  std::string name{};                  ///< what it is called
  double probability = 0;              ///< of this class
  double margin = 0;                   ///< of it over the second
  std::optional<double> distance{};    ///< to the nearest class, if the model has a measure of it
  std::vector<float> probabilities{};  ///< of all classes
  std::string doubt{};                 ///< why this is no answer; nothing where it is one
  viz::Image seen{};                   ///< the picture as the network was shown it
  std::string done{};                  ///< what was done to it for that, in words

  /// The classes from the likeliest to the least likely.
  [[nodiscard]] std::vector<Label> ranking() const {
    std::vector<Label> order(probabilities.size());
    std::iota(order.begin(), order.end(), Label{0});
    std::stable_sort(order.begin(), order.end(), [this](Label a, Label b) {
      return probabilities[static_cast<std::size_t>(a)] >
             probabilities[static_cast<std::size_t>(b)];
    });
    return order;
  }
};

/// A trained network that classifies pictures of any size, as its file says: how they are prepared,
/// what the classes are called, and when an answer is none.
///
///     const nn::Classifier classifier("digits.safetensors");
///     const nn::Classification answer = classifier.classify("photograph.jpg");
///     std::cout << answer.name << ' ' << answer.probability << ' ' << answer.doubt << '\n';
///
/// `classify` may be called from several threads.
class Classifier {
 public:
  /// Loads a model that `nn::save` wrote.
  /// @throws FileError as `load_model`, and for a model that is no classifier of pictures.
  explicit Classifier(const std::filesystem::path& path)
      : Classifier(load_model(path), load_model_info(path)) {}

  /// A model that is there already, and what is known of it.
  /// @throws Error unless the model takes images of 1 or 3 channels and gives out a number for each
  /// of several classes, and `info` goes with it.
  Classifier(Model<Sequential<AnyLayer>> model, ModelInfo info)
      : model_(std::move(model)), info_(std::move(info)) {
    const Shape& input = model_.input_shape();
    require(input.rank() == 3 && (input[2] == 1 || input[2] == 3),
            "a classifier of pictures takes images of 1 or 3 channels, and this model ", input);
    require(model_.output_shape().rank() == 1 && model_.output_shape().size() > 1,
            "a classifier gives out a number for each of several classes, and this model ",
            model_.output_shape());
    info_.check(input, model_.output_shape());
    if (info_.class_names.empty()) {
      info_.class_names = detail::numbered_classes(model_.output_shape().size());
    }
    has_softmax_ = model_.network().layers().back().get_if<Softmax>() != nullptr;
    if (info_.rejection.distance)
      (void)detail::computing_layer(model_.plan(), info_.rejection.layer);
  }

  /// What the file says: classes, metrics, where the model comes from.
  [[nodiscard]] const ModelInfo& info() const { return info_; }
  /// The network with its weights.
  [[nodiscard]] const Model<Sequential<AnyLayer>>& model() const { return model_; }

  /// Classifies the picture in a PNG or JPEG file.
  /// @throws FileError when it cannot be read; Error as below.
  [[nodiscard]] Classification classify(const std::filesystem::path& path) const {
    const viz::Image picture = viz::read_image(path);
    try {
      return classify(picture);
    } catch (const Error& error) {
      throw Error(detail::text(path.string(), ": ", error.what()));
    }
  }

  /// Classifies a picture of any size.
  /// @throws Error when it cannot be made into what the network takes (see
  /// viz::prepare_picture): nothing stands out from its background, say.
  [[nodiscard]] Classification classify(const viz::Image& picture) const {
    viz::PreparedPicture prepared =
        viz::prepare_picture(picture, info_.picture, model_.input_shape());
    Classification result;
    result.seen = std::move(prepared.image);
    result.done = std::move(prepared.done);
    const Dataset data = data_of(result.seen);
    Tensor<float> outputs = predict_views(model_, data, info_.views);
    if (!has_softmax_) outputs = softmax_rows(outputs);
    result.probabilities.assign(outputs.begin(), outputs.end());
    result.label = result.ranking().front();
    result.name = info_.class_names[static_cast<std::size_t>(result.label)];
    result.probability = largest_posteriors(outputs).front();
    result.margin = posterior_margins(outputs).front();
    const RejectionRule& rule = info_.rejection;
    if (rule.distance) {
      result.distance = (*rule.distance)(features(model_, data, rule.layer)).front();
    }
    result.doubt = doubt_of(result);
    return result;
  }

 private:
  [[nodiscard]] Dataset data_of(const viz::Image& image) const {
    Tensor<std::uint8_t> pixels(model_.input_shape().prepended(1));
    std::copy(image.pixels().begin(), image.pixels().end(), pixels.begin());
    const Dataset data(std::move(pixels), {0}, info_.class_names, "a picture");
    return data.with_normalization(info_.normalization.value_or(Normalization{}));
  }

  /// What is no number is never sure.
  [[nodiscard]] std::string doubt_of(const Classification& found) const {
    const RejectionRule& rule = info_.rejection;
    const auto percent = [](double share) { return detail::text(std::lround(100 * share), " %"); };
    if (is_rejected(found.probability, rule.least_probability, Reject::below)) {
      return "unsure: the largest probability is below " + percent(rule.least_probability);
    }
    if (is_rejected(found.margin, rule.least_margin, Reject::below)) {
      return "unsure: the two likeliest are less than " + percent(rule.least_margin) + " apart";
    }
    if (found.distance && is_rejected(*found.distance, rule.largest_distance, Reject::above)) {
      return detail::text("unlike anything learned: ", *found.distance,
                          " from the nearest class, and at most ", rule.largest_distance,
                          " are expected");
    }
    return {};
  }

  Model<Sequential<AnyLayer>> model_;
  ModelInfo info_;
  bool has_softmax_ = false;
};

}  // namespace nn
