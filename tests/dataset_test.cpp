#include "nn/data/dataset.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

namespace dataset_test {

using namespace nn;  // NOLINT

using Bytes = Tensor<std::uint8_t>;

/// Five images of 1 x 2 pixels and 2 channels; image n holds the bytes 10 n, 10 n + 1, ...
Dataset five_images() {
  Bytes images(Shape{5, 1, 2, 2});
  for (Index n = 0; n < 5; ++n) {
    for (Index i = 0; i < 4; ++i) images[n * 4 + i] = static_cast<std::uint8_t>(10 * n + i);
  }
  return Dataset(std::move(images), {0, 1, 2, 1, 0}, {"cat", "dog", "cow"}, "animals");
}

std::vector<Label> labels_of(const Dataset& data) {
  return {data.labels().begin(), data.labels().end()};
}

template <class E, class Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a data set tells what it holds") {
  const Dataset data = five_images();
  CHECK(data.size() == 5);
  CHECK_FALSE(data.empty());
  CHECK(data.sample_shape() == Shape{1, 2, 2});
  CHECK(data.classes() == 3);
  CHECK(data.class_names()[2] == "cow");
  CHECK(data.class_counts() == std::vector<Index>{2, 2, 1});
  CHECK(data.label(2) == 2);
  CHECK(data.image(3)(0, 1, 0) == 32);
  CHECK(data.described() == "animals (5 images of 1x2x2)");
  CHECK(data.with_name("beasts").name() == "beasts");
  CHECK(Dataset().empty());
}

TEST_CASE("copies, subsets and concatenations share the bytes") {
  const Dataset data = five_images();
  const Dataset copy = data;  // NOLINT: the copy is what is tested
  CHECK(copy.image(0).data() == data.image(0).data());

  const std::vector<Index> indices{4, 2, 2};
  const Dataset part = data.subset(indices);
  CHECK(labels_of(part) == std::vector<Label>{0, 2, 2});
  CHECK(part.image(0).data() == data.image(4).data());
  CHECK(part.image(2).data() == data.image(2).data());
  CHECK(part.class_names() == data.class_names());
  CHECK(part.name() == "animals");

  const std::vector<Index> again{1};
  CHECK(part.subset(again).image(0).data() == data.image(2).data());

  const Dataset middle = data.slice(1, 3);
  CHECK(labels_of(middle) == std::vector<Label>{1, 2, 1});

  const Dataset both = concatenate(part, middle);
  CHECK(labels_of(both) == std::vector<Label>{0, 2, 2, 1, 2, 1});
  CHECK(both.image(5).data() == data.image(3).data());
}

TEST_CASE("the bytes outlive the data set that they were first in") {
  Dataset part;
  {
    const Dataset data = five_images();
    part = concatenate(data.slice(0, 1), five_images().slice(4, 1));
  }
  CHECK(part.image(0)[3] == 3);
  CHECK(part.image(1)[3] == 43);
}

TEST_CASE("inputs are the bytes over 255 unless the data set is normalised otherwise") {
  const Dataset data = five_images();
  const Tensor<double> plain = data.inputs<double>(1, 2);
  CHECK(plain.shape() == Shape{2, 1, 2, 2});
  CHECK(plain(0, 0, 0, 0) == 10 / 255.0);
  CHECK(plain(1, 0, 1, 1) == 23 / 255.0);

  const Dataset shifted = data.with_normalization({.mean = {0.5, 0.25}, .deviation = {0.5}});
  const Tensor<double> inputs = shifted.inputs<double>();
  CHECK(inputs.shape() == Shape{5, 1, 2, 2});
  CHECK(inputs(4, 0, 1, 0) == doctest::Approx((42 / 255.0 - 0.5) / 0.5));
  CHECK(inputs(4, 0, 1, 1) == doctest::Approx((43 / 255.0 - 0.25) / 0.5));
  CHECK(shifted.slice(0, 2).normalization() == shifted.normalization());
  CHECK(data.normalization() == Normalization{});
}

TEST_CASE("a floating-point image is normalised as its bytes are") {
  const Normalization normalization{.mean = {0.1, 0.7}, .deviation = {0.2, 3.0}};
  const Normalizer<float> normalize(normalization, 2);
  const Dataset data = five_images();
  for (Index n = 0; n < data.size(); ++n) {
    Tensor<float> image(data.sample_shape());
    for (Index i = 0; i < image.size(); ++i) image[i] = data.image(n)[i] / 255.0F;
    Tensor<float> from_floats(image.shape());
    Tensor<float> from_bytes(image.shape());
    normalize(std::as_const(image).view(), from_floats);
    normalize(data.image(n), from_bytes);
    for (Index i = 0; i < image.size(); ++i)
      CHECK(from_floats[i] == doctest::Approx(from_bytes[i]).epsilon(1e-6));
  }
}

TEST_CASE("inputs turn back into the bytes that they came from") {
  const Normalization normalization{.mean = {0.3}, .deviation = {0.25}};
  for (int byte = 0; byte < 256; ++byte)
    CHECK(normalization.to_byte(normalization.apply(byte / 255.0, 0), 0) == byte);
  CHECK(normalization.to_byte(100, 0) == 255);
  CHECK(normalization.to_byte(-100, 0) == 0);
  CHECK(normalization.to_byte(std::numeric_limits<double>::quiet_NaN(), 0) == 0);
}

TEST_CASE("measured normalisation gives every channel mean 0 and deviation 1") {
  const Dataset data = five_images();
  const Normalization measured = normalization_of(data);
  // Channel 0 holds 0 2 10 12 20 22 30 32 40 42: mean 21, variance 201 (by hand).
  CHECK(measured.mean[0] == doctest::Approx(21 / 255.0));
  CHECK(measured.deviation[0] == doctest::Approx(std::sqrt(201.0) / 255.0));
  CHECK(measured.mean[1] == doctest::Approx(22 / 255.0));

  const Tensor<double> inputs = data.with_normalization(measured).inputs<double>();
  CHECK(inputs.matrix().colwise().mean().norm() < 1e-12);
  CHECK(inputs.matrix().col(1).squaredNorm() / 10 == doctest::Approx(1));
}

TEST_CASE("a channel that never changes is only shifted") {
  const Dataset constant(Bytes(Shape{3, 2, 2, 1}, 51), {0, 0, 0});
  const Normalization measured = normalization_of(constant);
  CHECK(measured.mean[0] == doctest::Approx(0.2));
  CHECK(measured.deviation[0] == 1.0);
}

TEST_CASE("without names the classes are numbered") {
  const Dataset data(Bytes(Shape{2, 1, 1, 1}), {3, 0});
  CHECK(data.classes() == 4);
  CHECK(data.class_names()[3] == "3");
}

TEST_CASE("labels that cannot be are named with their place") {
  const Bytes images(Shape{3, 1, 1, 1});
  CHECK(message_of<Error>([&] {
          Dataset(images, {0, 1, 2}, {"a", "b"}, "letters");
        }) == "letters: label 2 is 2; expected 0 to 1");
  CHECK(contains(message_of<Error>([&] { Dataset(images, {0, -1, 2}); }), "label 1 is -1"));
  CHECK(contains(message_of<Error>([&] {
                   Dataset(images, {0, 2000000000, 2});
                 }),
                 "label 1 is 2000000000"));
}

TEST_CASE("what does not fit together is refused") {
  const Dataset data = five_images();
  CHECK(contains(message_of<ShapeError>([] {
                   Dataset(Bytes(Shape{3, 2, 2}), {0, 0, 0});
                 }),
                 "got 3x2x2"));
  CHECK(contains(message_of<ShapeError>([] {
                   Dataset(Bytes(Shape{3, 2, 2, 1}), {0, 0});
                 }),
                 "3 images with 2 labels"));
  const std::vector<Index> beyond{0, 5};
  CHECK(contains(message_of<Error>([&] { (void)data.subset(beyond); }), "image 5 of animals"));
  CHECK_THROWS_AS((void)data.slice(3, 3), Error);
  CHECK_THROWS_AS((void)data.inputs(-1, 2), Error);
  CHECK_THROWS_AS((void)data.label(-1), Error);
  CHECK_THROWS_AS((void)data.with_normalization({.mean = {0, 0, 0}}), Error);
  CHECK_THROWS_AS((void)data.with_normalization({.deviation = {0.0}}), Error);
  CHECK_THROWS_AS((void)normalization_of(data.slice(0, 0)), Error);

  CHECK_THROWS_AS((void)concatenate(data, Dataset()), ShapeError);
  CHECK_THROWS_AS((void)concatenate(data, data.with_normalization({.mean = {0.5}})), Error);
  CHECK(contains(message_of<Error>([&] {
                   (void)concatenate(data, Dataset(Bytes(Shape{1, 1, 2, 2}), {0}, {"cat"}));
                 }),
                 "classes differ"));
}

}  // namespace dataset_test
