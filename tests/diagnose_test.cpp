#include "nn/train/diagnose.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "blobs.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"

namespace diagnose_test {

using nn::SoftmaxCrossEntropy;

auto make_model(nn::Initializer initializer = nn::he_normal(), double bias = 0) {
  const nn::Dense hidden{
      .units = 24, .initializer = initializer, .bias_initializer = nn::constant(bias)};
  return nn::Model(nn::sequential(nn::Flatten{}, hidden, nn::ReLU{}, nn::Dense{3}), {6, 6, 1},
                   {.seed = 1});
}

std::string in_words(const nn::Diagnosis& diagnosis) {
  std::ostringstream out;
  out << diagnosis;
  return out.str();
}

TEST_CASE("diagnose: a healthy network") {
  const nn::Dataset data = blobs(100, 1);
  const auto model = make_model();
  const nn::Diagnosis diagnosis =
      nn::diagnose(model, data, SoftmaxCrossEntropy{}, {.learning_rate = 0.01});
  CAPTURE(in_words(diagnosis));
  CHECK(diagnosis.healthy());
  CHECK(diagnosis.expected_loss == std::log(3.0));
  CHECK(diagnosis.first_loss < 2.5);
  CHECK(diagnosis.last_loss < diagnosis.first_loss / 10);
  CHECK(diagnosis.last_accuracy == 1);
  REQUIRE(diagnosis.relus.size() == 1);
  CHECK(diagnosis.relus[0].path == "1");
  CHECK(diagnosis.relus[0].units == 24);
  CHECK(in_words(diagnosis).find("nothing wrong was found") != std::string::npos);
  // It was a copy that learned.
  CHECK(model.step() == 0);
}

TEST_CASE("diagnose: dead units, and a network that cannot learn") {
  const nn::Diagnosis diagnosis =
      nn::diagnose(make_model(nn::he_normal(), -1000), blobs(100, 1), SoftmaxCrossEntropy{});
  REQUIRE(diagnosis.relus.size() == 1);
  CHECK(diagnosis.relus[0].dead == 24);
  REQUIRE(diagnosis.findings.size() == 2);
  CHECK(diagnosis.findings[0].find("24 of 24 units of Dense{24} (layer 1)") == 0);
  CHECK(diagnosis.findings[1].find("did not learn one batch") != std::string::npos);
}

TEST_CASE("diagnose: half of the units may be dead, not more") {
  auto model = make_model();
  for (const nn::Index dead : {12, 13}) {
    CAPTURE(dead);
    for (nn::Index unit = 0; unit < 24; ++unit) {
      model.parameter("1.bias")[unit] = unit < dead ? -1000.0F : 10.0F;
    }
    const nn::Diagnosis diagnosis =
        nn::diagnose(model, blobs(100, 1), SoftmaxCrossEntropy{}, {.learning_rate = 0.01});
    REQUIRE(diagnosis.relus.size() == 1);
    REQUIRE(diagnosis.relus[0].dead == dead);
    const std::string words = in_words(diagnosis);
    CHECK((words.find("are 0 for every sample") != std::string::npos) == (dead == 13));
  }
}

TEST_CASE("diagnose: weights that start too large, or are no numbers") {
  const nn::Diagnosis large =
      nn::diagnose(make_model(nn::normal(100)), blobs(100, 1), SoftmaxCrossEntropy{});
  REQUIRE_FALSE(large.healthy());
  CHECK(large.findings[0].find("far above ln 3") != std::string::npos);
  const nn::Diagnosis broken =
      nn::diagnose(make_model(nn::normal(1e38)), blobs(100, 1), SoftmaxCrossEntropy{});
  REQUIRE_FALSE(broken.healthy());
  CHECK(broken.findings[0].find("the activations of ") != std::string::npos);
  CHECK_THROWS_AS((void)nn::diagnose(make_model(), nn::Dataset(), SoftmaxCrossEntropy{}),
                  nn::Error);
}

}  // namespace diagnose_test
