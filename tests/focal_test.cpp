#include "nn/losses/focal.hpp"

#include "loss_check.hpp"
#include "nn/losses/kullback_leibler.hpp"
#include "nn/losses/sigmoid_cross_entropy.hpp"

// The figures come from PyTorch 1.13, in double:
//
//   z = torch.tensor([[1, 2, 0.5], [-1.5, 0.25, 3]], requires_grad=True)
//   t = torch.tensor([[0.2, 0.5, 0.3], [0, 0.25, 0.75]])
//   T**2 * F.kl_div((z / T).log_softmax(-1), t, reduction='batchmean')
//   T**2 * F.kl_div((z / T).log_softmax(-1), (teacher / T).softmax(-1), reduction='batchmean')
//   def focal(x, t, alpha, gamma):                      # as torchvision.ops.sigmoid_focal_loss
//       p = torch.sigmoid(x); ce = F.binary_cross_entropy_with_logits(x, t, reduction='none')
//       pt = p * t + (1 - p) * (1 - t); l = ce * (1 - pt)**gamma
//       if alpha >= 0: l = (alpha * t + (1 - alpha) * (1 - t)) * l
//       return l.mean()

namespace focal_test {

using loss_check::check_close;
using nn::Focal;
using nn::KullbackLeibler;
using nn::Label;
using nn::Tensor;
using nn::value_and_gradient;

const Tensor<double> logits({2, 3}, {1, 2, 0.5, -1.5, 0.25, 3});
const Tensor<Label> labels({2}, {1, 0});
const Tensor<double> soft({2, 3}, {0.2, 0.5, 0.3, 0, 0.25, 0.75});

template <class Loss, class Wanted>
void check_figures(const Loss& loss, const Tensor<Wanted>& wanted, double value,
                   const std::vector<double>& gradient) {
  const auto found = value_and_gradient(loss, logits, wanted);
  CHECK(found.value == doctest::Approx(value).epsilon(1e-14));
  check_close<double>(found.gradient, gradient);
}

TEST_CASE("Kullback-Leibler: figures of PyTorch") {
  check_figures(KullbackLeibler{}, soft, 0.14111778634540012,
                {0.015611948811074514, 0.06426585960588121, -0.07987780841695576,
                 0.005166797983812894, -0.09526713049596933, 0.09010033251215643});
  check_figures(KullbackLeibler{.temperature = 2.5}, soft, 0.4511630345977948,
                {0.12758014285138303, -0.0617166175553878, -0.06586352529599518,
                 0.13791733524883562, -0.03476859273554397, -0.10314874251329167});
  const Tensor<double> teacher({2, 3}, {0.5, -1, 2, 3, 0, -2});
  check_figures(KullbackLeibler{.temperature = 2.5, .logits = true}, teacher, 4.178745600252999,
                {0.0067626420003136425, 0.3597744231102388, -0.36653706511055234,
                 -0.7322353516408325, 0.015646454493437174, 0.7165888971473954});
}

TEST_CASE("Kullback-Leibler: gradients, extremes and misfits") {
  const auto outputs = loss_check::random_tensor({3, 2, 5}, 1, 3);
  auto targets = loss_check::random_tensor(outputs.shape(), 2);
  loss_check::check_gradient(KullbackLeibler{.temperature = 3, .logits = true}, outputs, targets);
  for (double& target : targets) target = std::abs(target);  // need not sum to 1
  targets[3] = 0;
  loss_check::check_gradient(KullbackLeibler{}, outputs, targets);
  loss_check::check_gradient(KullbackLeibler{.temperature = 0.5}, outputs, targets);
  const Tensor<float> far({1, 2}, {1000, -1000});
  const auto same = value_and_gradient(KullbackLeibler{.logits = true}, far, far);
  CHECK(same.value == 0);
  const auto wrong = value_and_gradient(KullbackLeibler{}, far, Tensor<float>({1, 2}, {0, 1}));
  CHECK(wrong.value == 2000);
  CHECK_THROWS_AS((void)value_and_gradient(KullbackLeibler{.temperature = 0}, logits, soft),
                  nn::Error);
  CHECK_THROWS_AS((void)value_and_gradient(KullbackLeibler{}, logits, Tensor<double>({3, 2})),
                  nn::ShapeError);
  CHECK(KullbackLeibler{.temperature = 2}.settings() == "KullbackLeibler{temperature 2, logits 0}");
}

TEST_CASE("focal: figures of PyTorch") {
  check_figures(Focal{}, labels, 0.5607855245354118,
                {0.0960293403999147, -0.00020295584147469922, 0.06576897773432289,
                 -0.040059361977931675, 0.05078042662525341, 0.14084373507936102});
  check_figures(Focal{.gamma = 1.5, .alpha = 0.6}, soft, 0.13425674218124597,
                {0.0314202921025694, 0.011219341503924295, 0.01665644458090439,
                 0.0022306456896645974, 0.016764601860301608, 0.001361474822050316});
  check_figures(Focal{.gamma = 0.5, .alpha = -1}, labels, 1.1780509558329635,
                {0.12934363858581868, -0.010075877801608967, 0.10602795414067172,
                 -0.14659541397556508, 0.09284633311275935, 0.1667112233075815});
}

TEST_CASE("focal: gradients, extremes and misfits") {
  const auto outputs = loss_check::random_tensor({4, 5}, 1, 3);
  auto targets = loss_check::random_tensor(outputs.shape(), 2);
  for (double& target : targets) target = 1 / (1 + std::exp(-target));
  Tensor<Label> classes({4}, {3, 0, 4, 1});
  for (const double gamma : {0.0, 0.5, 2.0}) {
    loss_check::check_gradient(Focal{.gamma = gamma}, outputs, targets);
    loss_check::check_gradient(Focal{.gamma = gamma, .alpha = -1}, outputs, classes);
  }
  // Without its options it is what it is made of.
  const auto plain = value_and_gradient(nn::SigmoidCrossEntropy{}, outputs, classes);
  const auto focal = value_and_gradient(Focal{.gamma = 0, .alpha = -1}, outputs, classes);
  CHECK(focal.value == doctest::Approx(plain.value).epsilon(1e-14));
  check_close<double>(focal.gradient, {plain.gradient.begin(), plain.gradient.end()});
  const Tensor<float> far({1, 2}, {1000, -1000});
  const auto right = value_and_gradient(Focal{.alpha = -1}, far, Tensor<float>({1, 2}, {1, 0}));
  CHECK(right.value == 0);
  check_close<float>(right.gradient, {0, 0});
  const auto wrong = value_and_gradient(Focal{.alpha = -1}, far, Tensor<float>({1, 2}, {0, 1}));
  CHECK(wrong.value == 1000);
  check_close<float>(wrong.gradient, {0.5, -0.5});
  const Tensor<float> broken({1, 2}, {std::nanf(""), 0});
  CHECK(std::isnan(value_and_gradient(Focal{}, broken, Tensor<float>({1, 2}, {0, 1})).value));
  CHECK_THROWS_AS((void)value_and_gradient(Focal{.gamma = -1}, logits, labels), nn::Error);
  CHECK_THROWS_AS((void)value_and_gradient(Focal{.alpha = 2}, logits, labels), nn::Error);
  CHECK_THROWS_AS((void)value_and_gradient(Focal{}, logits, Tensor<Label>({2}, {0, 3})), nn::Error);
}

}  // namespace focal_test
