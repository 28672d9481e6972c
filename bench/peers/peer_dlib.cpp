// The networks W1 to W5 in dlib, under the names of bench_step. A network is a type there, so each
// is a program of its own: WORK is 1 to 5. Threads come from the BLAS behind dlib.

#include <benchmark/benchmark.h>
#include <dlib/dnn.h>

#include <array>
#include <string>
#include <vector>

namespace {

using namespace dlib;  // its layers are meant to be written so

#if WORK == 5
using Image = std::array<matrix<float>, 3>;
constexpr long batch_size = 64;
#else
using Image = matrix<float>;
constexpr long batch_size = WORK == 2 || WORK == 4 ? 128 : 64;
#endif

template <int N, int Kernel, int Padding, class In>
using convolution = add_layer<con_<N, Kernel, Kernel, 1, 1, Padding, Padding>, In>;
template <class In>
using pool = max_pool<2, 2, 2, 2, In>;

#if WORK == 1
template <template <class> class Norm, class In>
using body = fc<10, relu<fc<128, In>>>;
#elif WORK == 2
template <template <class> class Norm, class In>
using body = fc<10, relu<fc<512, relu<fc<512, In>>>>>;
#elif WORK == 3
template <class In>
using features = pool<relu<convolution<16, 5, 0, pool<relu<convolution<6, 5, 2, In>>>>>>;
template <template <class> class Norm, class In>
using body = fc<10, relu<fc<84, relu<fc<120, features<In>>>>>>;
#elif WORK == 4
template <template <class> class Norm, class In>
using body =
    fc<10, relu<fc<128, pool<relu<convolution<64, 3, 0, relu<convolution<32, 3, 0, In>>>>>>>>;
#else
template <template <class> class Norm, int N, class In>
using block = relu<Norm<convolution<N, 3, 1, In>>>;
template <template <class> class Norm, int N, class In>
using stage = pool<block<Norm, N, block<Norm, N, In>>>;
template <template <class> class Norm, class In>
using body = fc<10, stage<Norm, 256, stage<Norm, 128, stage<Norm, 64, In>>>>;
#endif

using Training = loss_multiclass_log<body<bn_con, input<Image>>>;
using Inference = loss_multiclass_log<body<affine, input<Image>>>;

std::vector<Image> random_images() {
  dlib::rand random;
  const auto plane = [&](long size) {
    matrix<float> values(size, size);
    for (float& value : values) value = static_cast<float>(random.get_random_gaussian());
    return values;
  };
  std::vector<Image> images;
  for (long i = 0; i < batch_size; ++i) {
#if WORK == 5
    images.push_back({plane(32), plane(32), plane(32)});
#else
    images.push_back(plane(28));
#endif
  }
  return images;
}

void train(benchmark::State& state) {
  Training network;
#if WORK == 5
  disable_duplicative_biases(network);
#endif
  const std::vector<Image> images = random_images();
  std::vector<unsigned long> labels;
  for (unsigned long i = 0; i < batch_size; ++i) labels.push_back(i % 10);
  resizable_tensor x;
  network.to_tensor(images.begin(), images.end(), x);
#if WORK == 2 || WORK == 4
  std::vector<adam> solvers(Training::num_computational_layers, adam(0, 0.9F, 0.999F));
  constexpr double learning_rate = 0.001;
#else
  std::vector<sgd> solvers(Training::num_computational_layers, sgd(0, 0.9F));
  constexpr double learning_rate = 0.01;
#endif
  const auto step = [&] {
    network.compute_parameter_gradients(x, labels.begin());
    network.update_parameters(make_sstack(solvers), learning_rate);
  };
  step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * batch_size);
}

void infer(benchmark::State& state) {
  Training trained;
  const std::vector<Image> images = random_images();
  resizable_tensor x;
  trained.to_tensor(images.begin(), images.end(), x);
  trained.subnet().forward(x);  // which lays the layers out
  Inference network = trained;
  const auto step = [&] { benchmark::DoNotOptimize(network.subnet().forward(x).host()); };
  step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * batch_size);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::string name = "W" + std::to_string(WORK);
  benchmark::RegisterBenchmark((name + "/train").c_str(), train)->UseRealTime();
  benchmark::RegisterBenchmark((name + "/infer").c_str(), infer)->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
