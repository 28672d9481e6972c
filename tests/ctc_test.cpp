#include "nn/losses/ctc.hpp"

#include "loss_check.hpp"

namespace ctc_test {

using loss_check::check_close;
using nn::CTC;
using nn::Index;
using nn::Label;
using nn::Tensor;
using nn::value_and_gradient;

/// Logits that look random: ((7n + 5s + 3c) mod 11) / 4 - 1.
Tensor<double> logits_of(Index samples, Index steps, Index classes) {
  Tensor<double> logits({samples, steps, classes});
  for (Index n = 0; n < samples; ++n) {
    for (Index s = 0; s < steps; ++s) {
      for (Index c = 0; c < classes; ++c) {
        logits.view()(n, s, c) = static_cast<double>((7 * n + 5 * s + 3 * c) % 11) / 4 - 1;
      }
    }
  }
  return logits;
}

const Tensor<Label> labels({3, 3}, {1, 1, -1, 3, 2, 1, 2, -1, -1});

TEST_CASE("CTC: figures of PyTorch") {
  // F.ctc_loss(x.log_softmax(-1).transpose(0, 1), labels, [5, 5, 5], [2, 3, 1]), in double; and
  // with reduction='sum', divided by 3 (PyTorch 1.13).
  const auto logits = logits_of(3, 5, 4);
  const auto mean = value_and_gradient(CTC{}, logits, labels);
  CHECK(mean.value == doctest::Approx(2.9967564172346557).epsilon(1e-14));
  check_close<double>(
      mean.gradient,
      {-0.029196746899874945,  -0.10706566579906564,  0.043715884495573565,  0.092546528203367,
       -0.0041031464667944575, -0.03301354333742367,  0.011907824705292688,  0.025208865098925438,
       -0.07650839641580762,   0.0031296792804379366, 0.02354145548421019,   0.04983726165115951,
       0.00880137794404719,    -0.11215468813661915,  0.09103329361695907,   0.012320016575612885,
       -0.056547498117990314,  -0.016831219017379377, 0.023541455484210192,  0.049837261651159516,
       -0.02670540585453545,   0.05865838984242663,   0.00793854980352845,   -0.03989153379141962,
       0.002508011530367457,   0.013766614439465636,  0.006927792699070232,  -0.023202418668903328,
       -0.019683472055416054,  0.04675272416789244,   -0.01842658152352061,  -0.008642670588955773,
       0.00030309745114800264, -0.01101326203139169,  -0.050987520888667655, 0.06169768546891134,
       0.01819154398240295,    -0.04293600385188172,  0.007938549803528462,  0.0168059100659503,
       -0.12844546407154495,   0.08600216618100717,   0.017803264739311993,  0.024640033151225777,
       -0.01188220416016081,   0.022240392347164833,  -0.11003271148932299,  0.09967452330231896,
       -0.05609235921430758,   0.08600216618100713,   -0.05454984011792532,  0.024640033151225767,
       -0.0930929266779727,    0.17597516952727993,   -0.13329997304715807,  0.05041773019785085,
       -0.14956134622167191,   0.04129984331839692,   -0.07683155350345908,  0.18509305640673407});
  const auto sum = value_and_gradient(CTC{.per_label = false}, logits, labels);
  CHECK(sum.value == doctest::Approx(4.614922049743324).epsilon(1e-14));
  check_close<double>(
      sum.gradient,
      {-0.05839349379974989,  -0.21413133159813127,  0.08743176899114713,   0.185093056406734,
       -0.008206292933588915, -0.06602708667484734,  0.023815649410585376,  0.050417730197850875,
       -0.15301679283161523,  0.006259358560875873,  0.04708291096842038,   0.09967452330231902,
       0.01760275588809438,   -0.2243093762732383,   0.18206658723391814,   0.02464003315122577,
       -0.11309499623598063,  -0.033662438034758754, 0.047082910968420384,  0.09967452330231903,
       -0.08011621756360635,  0.17597516952727985,   0.023815649410585355,  -0.11967460137425887,
       0.0075240345911023725, 0.04129984331839691,   0.020783378097210703,  -0.06960725600670997,
       -0.05905041616624817,  0.1402581725036773,    -0.055279744570561826, -0.025928011766867314,
       0.0009092923534440082, -0.03303978609417507,  -0.15296256266600297,  0.18509305640673404,
       0.05457463194720885,   -0.12880801155564517,  0.023815649410585393,  0.05041773019785091,
       -0.12844546407154495,  0.08600216618100717,   0.017803264739311993,  0.024640033151225777,
       -0.01188220416016081,  0.022240392347164833,  -0.11003271148932299,  0.09967452330231896,
       -0.05609235921430758,  0.08600216618100713,   -0.05454984011792532,  0.024640033151225767,
       -0.0930929266779727,   0.17597516952727993,   -0.13329997304715807,  0.05041773019785085,
       -0.14956134622167191,  0.04129984331839692,   -0.07683155350345908,  0.18509305640673407});
}

/// What a path is read as.
std::vector<Label> read(const std::vector<Label>& path, Label blank) {
  std::vector<Label> read;
  for (std::size_t s = 0; s < path.size(); ++s) {
    if (path[s] != blank && (s == 0 || path[s] != path[s - 1])) read.push_back(path[s]);
  }
  return read;
}

/// The loss of one sample by its definition: the sum over all paths.
double by_all_paths(const Tensor<double>& logits, const std::vector<Label>& wanted, Label blank) {
  const Index steps = logits.shape()[1];
  const Index classes = logits.shape()[2];
  std::vector<Label> path(static_cast<std::size_t>(steps), 0);
  double all = 0;
  for (;;) {
    if (read(path, blank) == wanted) {
      double probability = 1;
      for (Index s = 0; s < steps; ++s) {
        double sum = 0;
        for (Index c = 0; c < classes; ++c) sum += std::exp(logits[s * classes + c]);
        probability *= std::exp(logits[s * classes + path[static_cast<std::size_t>(s)]]) / sum;
      }
      all += probability;
    }
    std::size_t place = 0;
    while (place < path.size() && ++path[place] == classes) path[place++] = 0;
    if (place == path.size()) return -std::log(all);
  }
}

TEST_CASE("CTC is the sum over all paths that are read as the labels") {
  const auto logits = logits_of(1, 6, 4);
  for (const Label blank : {0, 2}) {
    for (const std::vector<Label>& wanted : std::vector<std::vector<Label>>{
             {}, {3}, {1, 3}, {1, 1}, {3, 1, 3}, {1, 1, 3}, {3, 3, 3}, {1, 3, 1, 3, 1, 3}}) {
      Tensor<Label> padded({1, 7}, -1);
      std::copy(wanted.begin(), wanted.end(), padded.begin());
      const CTC loss{.blank = blank, .per_label = false};
      CHECK(value_and_gradient(loss, logits, padded).value ==
            doctest::Approx(by_all_paths(logits, wanted, blank)).epsilon(1e-12));
    }
  }
}

TEST_CASE("CTC: gradients") {
  const auto outputs = loss_check::random_tensor({3, 6, 4}, 1, 2);
  loss_check::check_gradient(CTC{}, outputs, labels);
  loss_check::check_gradient(CTC{.per_label = false}, outputs, labels);
  loss_check::check_gradient(CTC{.blank = 3}, outputs,
                             Tensor<Label>({3, 3}, {0, 0, -1, -1, -1, -1, 2, 1, 0}));
  // Labels as numbers are the same labels.
  const Tensor<double> numbers({3, 3}, {1, 1, -1, 3, 2, 1, 2, -1, -1});
  const auto one = value_and_gradient(CTC{}, outputs, labels);
  const auto other = value_and_gradient(CTC{}, outputs, numbers);
  CHECK(one.value == other.value);
  CHECK(one.gradient == other.gradient);
}

TEST_CASE(
    "CTC: long sequences do not underflow, and have the same bits for any number of threads") {
  Tensor<float> outputs({5, 400, 20});
  nn::Random random(1);
  for (float& value : outputs) value = static_cast<float>(random.normal(0, 5));
  Tensor<Label> many({5, 150}, -1);
  for (Index n = 0; n < 5; ++n) {
    for (Index i = 0; i < 30 * (n + 1); ++i) {
      many[n * 150 + i] = static_cast<Label>(1 + (i * 7 + n) % 19);
    }
  }
  nn::set_threads(1);
  const auto one = value_and_gradient(CTC{.per_label = false}, outputs, many);
  nn::set_threads(3);
  const auto three = value_and_gradient(CTC{.per_label = false}, outputs, many);
  nn::set_threads(2);
  CHECK(one.value == three.value);
  CHECK(one.gradient == three.gradient);
  CHECK(one.value > 750);  // e^-750 is 0 in double precision
  CHECK(std::isfinite(one.value));
  for (Index row = 0; row < 5 * 400; ++row) {  // softmax and paths both sum to 1
    double sum = 0;
    for (Index c = 0; c < 20; ++c) sum += static_cast<double>(one.gradient[row * 20 + c]);
    CHECK(std::abs(sum) < 1e-5);
  }
}

TEST_CASE("CTC: labels that take more steps than there are") {
  const auto outputs = loss_check::random_tensor({2, 3, 4}, 1);
  const Tensor<Label> given({2, 3}, {3, 1, 2, 1, 1, 2});  // the second takes four steps
  CHECK_THROWS_WITH_AS((void)value_and_gradient(CTC{}, outputs, given),
                       "sample 1 of the batch has 3 labels that take 4 steps, but there are 3",
                       nn::Error);
  const auto skipped = value_and_gradient(CTC{.skip_impossible = true}, outputs, given);
  const auto first = value_and_gradient(CTC{}, Tensor<double>(outputs.view().samples(0, 1)),
                                        Tensor<Label>({1, 3}, {3, 1, 2}));
  CHECK(skipped.value == doctest::Approx(first.value / 2).epsilon(1e-14));
  for (Index i = 12; i < 24; ++i) CHECK(skipped.gradient[i] == 0);
}

TEST_CASE("CTC: what does not fit") {
  const auto outputs = loss_check::random_tensor({1, 3, 4}, 1);
  const auto loss_of = [&](const Tensor<Label>& given) {
    return value_and_gradient(CTC{}, outputs, given).value;
  };
  CHECK_THROWS_WITH_AS(
      (void)loss_of(Tensor<Label>({1, 2}, {1, 4})),
      "sample 0 of the batch has the label 4 at place 1, which is the blank or no class",
      nn::Error);
  CHECK_THROWS_AS((void)loss_of(Tensor<Label>({1, 2}, {0, 1})), nn::Error);
  CHECK_THROWS_WITH_AS((void)loss_of(Tensor<Label>({1, 3}, {1, -1, 2})),
                       "sample 0 of the batch has the label 2 at place 2, which is behind the end",
                       nn::Error);
  CHECK_THROWS_AS((void)loss_of(Tensor<Label>({2, 1}, {1, 1})), nn::ShapeError);
  CHECK_THROWS_AS((void)loss_of(Tensor<Label>({1}, {1})), nn::ShapeError);
  CHECK_THROWS_AS((void)value_and_gradient(CTC{}, outputs, Tensor<double>({1, 2}, {1, 2.5})),
                  nn::Error);
  CHECK_THROWS_AS((void)value_and_gradient(CTC{.blank = 4}, outputs, Tensor<Label>({1, 1}, {1})),
                  nn::Error);
  CHECK_THROWS_AS((void)value_and_gradient(CTC{}, loss_check::random_tensor({3, 4}, 1), labels),
                  nn::ShapeError);
}

}  // namespace ctc_test
