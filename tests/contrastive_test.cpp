#include "nn/losses/contrastive.hpp"

#include "loss_check.hpp"
#include "nn/losses/info_nce.hpp"

// The figures come from the formulas written out in PyTorch 1.13, in double:
//
//   def contrastive(x, y, m):                                   # the mean over i < j of
//       d = (x[i] - x[j]).norm(); d*d/2 if y[i] == y[j] else F.relu(m - d)**2/2
//   def triplet(x, y, m):                                       # the mean over i with both of
//       F.relu(m + torch.stack(positives).max() - torch.stack(negatives).min())
//   def contrast(x, y, tau):                                    # the mean over i with partners P
//   of
//       u = F.normalize(x, dim=1); s = u @ u.T / tau
//       torch.logsumexp(s[i, j] for j != i) - (s[i, p] for p in P).mean()
//   F.cross_entropy(F.normalize(x, dim=1) @ F.normalize(k, dim=1).T / 0.5, torch.arange(6))

namespace contrastive_test {

using loss_check::check_close;
using nn::Contrastive;
using nn::Index;
using nn::InfoNCE;
using nn::Label;
using nn::Tensor;
using nn::Triplet;
using nn::value_and_gradient;

const Tensor<double> places({6, 2}, {0.5, 1, 1, -0.25, 0, 0.75, -1, 0.5, 0.25, 0.375, 2, 2});
const Tensor<Label> labels({6}, {0, 0, 1, 1, 0, 2});

template <class Loss, class Wanted>
void check_figures(const Loss& loss, const Tensor<Wanted>& wanted, double value,
                   const std::vector<double>& gradient) {
  const auto found = value_and_gradient(loss, places, wanted);
  CHECK(found.value == doctest::Approx(value).epsilon(1e-14));
  check_close<double>(found.gradient, gradient);
}

TEST_CASE("losses of embeddings: figures of PyTorch") {
  check_figures(
      Contrastive{1.5}, labels, 0.2111507747845514,
      {-0.07277605243332491, 0.09694530711667088, 0.07928932188134524, -0.12095598854801191,
       0.16562341684116924, -0.017527681335776653, -0.05049628097900108, -0.018283705235433226,
       -0.12164040531018849, 0.05982206800255093, 0, 0});
  check_figures(Triplet{0.75}, labels, 1.0699127195220526,
                {-0.3274417087416247, 0.2819479572541122, 0.16077917022380717, -0.3580062000496903,
                 0.9302438729855171, -0.2877845048579223, -0.18904956201613493,
                 -0.11691499381873297, -0.5745317724515646, 0.4807577414722333, 0, 0});
  check_figures(
      InfoNCE{0.5}, labels, 1.5598537650137723,
      {-0.3706394566409265, 0.18531972832046328, -0.07774756270628108, -0.3109902508251243,
       1.0945241227460218, 0, -0.10703408714308435, -0.2140681742861688, -0.7195217630591757,
       0.4796811753727838, -0.007673684977988718, 0.007673684977988773});
  const Tensor<double> keys({6, 2}, {0.25, 1, 1, 0.5, 0, -0.75, -1, 1, 0.5, 0.25, 1, 2});
  check_figures(
      InfoNCE{0.5}, keys, 1.811874239735202,
      {0.0851756908740818, -0.042587845437040896, -0.010509455994849856, -0.042037823979399425,
       0.11734375942481656, 0, 0.019546957224403957, 0.039093914448807915, -0.2784654530608153,
       0.18564363537387682, 0.021445729963455257, -0.02144572996345526});
}

TEST_CASE_TEMPLATE("losses of embeddings: gradients, also of images", Loss, Contrastive, Triplet,
                   InfoNCE) {
  const auto outputs = loss_check::random_tensor({7, 2, 1, 2}, 1, 0.7);
  loss_check::check_gradient(Loss{}, outputs, Tensor<Label>({7}, {0, 1, 1, 0, 3, 1, 3}));
  loss_check::check_gradient(Loss{}, outputs, Tensor<Label>({7}, {0, 1, 1, 0, 3, 1, 4}));
}

TEST_CASE("InfoNCE: gradients against targets") {
  const auto outputs = loss_check::random_tensor({5, 4}, 1);
  loss_check::check_gradient(InfoNCE{0.3}, outputs, loss_check::random_tensor({5, 4}, 2));
}

TEST_CASE_TEMPLATE("losses of embeddings: batches with nothing to compare", Loss, Triplet,
                   InfoNCE) {
  const Tensor<double> outputs({2, 1}, {1, 2});
  Tensor<double> gradient({2, 1}, std::nan(""));
  CHECK(Loss{}(outputs.view(), Tensor<Label>({2}, {0, 1}), gradient) == 0);
  check_close<double>(gradient, {0, 0});
  const Tensor<double> single({1, 1}, {1});
  Tensor<double> slope({1, 1}, std::nan(""));
  CHECK(Loss{}(single.view(), Tensor<Label>({1}, {0}), slope) == 0);
  CHECK(Contrastive{}(single.view(), Tensor<Label>({1}, {0}), slope) == 0);
  check_close<double>(slope, {0});
}

TEST_CASE("losses of embeddings: two samples at one place, and of length 0") {
  const Tensor<double> outputs({3, 2}, {0, 0, 0, 0, 3, 4});
  const Tensor<Label> given({3}, {0, 1, 0});
  const auto contrastive = value_and_gradient(Contrastive{}, outputs, given);
  CHECK(contrastive.value == doctest::Approx((0.5 + 12.5) / 3));
  check_close<double>(contrastive.gradient, {-1, -4.0 / 3, 0, 0, 1, 4.0 / 3});
  const auto triplet = value_and_gradient(Triplet{}, outputs, given);
  CHECK(triplet.value == doctest::Approx((6 + 1) / 2.0));
  for (const double slope : triplet.gradient) CHECK(std::isfinite(slope));
  const auto info = value_and_gradient(InfoNCE{}, outputs, given);
  CHECK(info.value == doctest::Approx(std::log(2.0)));
  for (const double slope : info.gradient) CHECK(slope == 0);
}

TEST_CASE_TEMPLATE("losses of embeddings: the same bits for any number of threads", Loss,
                   Contrastive, Triplet, InfoNCE) {
  const auto outputs = loss_check::random_tensor({150, 24}, 3, 0.3);
  Tensor<Label> many({150});
  for (Index i = 0; i < many.size(); ++i) many[i] = static_cast<Label>(i * 7 % 10);
  nn::set_threads(1);
  const auto one = value_and_gradient(Loss{}, outputs, many);
  nn::set_threads(3);
  const auto three = value_and_gradient(Loss{}, outputs, many);
  nn::set_threads(2);
  CHECK(one.value == three.value);
  CHECK(one.gradient == three.gradient);
}

TEST_CASE_TEMPLATE("losses of embeddings: what is no number, and what does not fit", Loss,
                   Contrastive, Triplet, InfoNCE) {
  auto broken = places;
  broken[3] = std::nan("");
  CHECK(std::isnan(value_and_gradient(Loss{}, broken, labels).value));
  CHECK_THROWS_WITH_AS((void)value_and_gradient(Loss{}, places, Tensor<Label>({5})),
                       "5 labels for 6 embeddings", nn::ShapeError);
  CHECK_THROWS_AS((void)value_and_gradient(Loss{0}, places, labels), nn::Error);
}

}  // namespace contrastive_test
