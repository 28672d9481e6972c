// A step of the DCGAN W6 in dlib, under the names of bench_step. It steps the discriminator once
// for the real and once for the generated images, since dlib does not add up gradients.

#include <benchmark/benchmark.h>
#include <dlib/dnn.h>

#include <array>
#include <vector>

namespace {

using namespace dlib;  // its layers are meant to be written so

constexpr long batch_size = 64;
constexpr double learning_rate = 0.0002;

template <int N, int Kernel, int Stride, int Padding, class In>
using up = add_layer<cont_<N, Kernel, Kernel, Stride, Stride, Padding, Padding>, In>;
template <int N, class In>
using down = add_layer<con_<N, 4, 4, 2, 2, 1, 1>, In>;

// The dense layer 100 -> 7 x 7 x 128 is a transposed 7 x 7 convolution of a single pixel.
using Noise = std::array<matrix<float, 1, 1>, 100>;
template <template <class> class Norm, class In>
using generator_body =
    htan<up<1, 4, 2, 1, relu<Norm<up<64, 4, 2, 1, relu<Norm<up<128, 7, 1, 0, In>>>>>>>>;
using Generator = loss_binary_log_per_pixel<generator_body<bn_con, input<Noise>>>;
using InferringGenerator = loss_binary_log_per_pixel<generator_body<affine, input<Noise>>>;
using Discriminator = loss_binary_log<
    fc<1, leaky_relu<bn_con<down<128, leaky_relu<down<64, input<matrix<float>>>>>>>>>;

dlib::rand& generator_of_numbers() {
  static dlib::rand random;
  return random;
}

std::vector<Noise> noise() {
  std::vector<Noise> batch(batch_size);
  for (Noise& sample : batch) {
    for (auto& value : sample) {
      value = static_cast<float>(generator_of_numbers().get_random_gaussian());
    }
  }
  return batch;
}

resizable_tensor real_images(Discriminator& discriminator) {
  std::vector<matrix<float>> images(batch_size, matrix<float>(28, 28));
  for (matrix<float>& image : images) {
    for (float& value : image) {
      value = static_cast<float>(generator_of_numbers().get_random_gaussian());
    }
  }
  resizable_tensor x;
  discriminator.to_tensor(images.begin(), images.end(), x);
  return x;
}

void train(benchmark::State& state) {
  Generator generator;
  Discriminator discriminator;
  disable_duplicative_biases(generator);
  disable_duplicative_biases(discriminator);
  visit_computational_layers(discriminator, [](leaky_relu_& layer) { layer = leaky_relu_(0.2F); });
  std::vector<adam> generator_solvers(Generator::num_computational_layers, adam(0, 0.5F, 0.999F));
  std::vector<adam> discriminator_solvers(Discriminator::num_computational_layers,
                                          adam(0, 0.5F, 0.999F));
  const std::vector<float> real(batch_size, 1.0F);
  const std::vector<float> made(batch_size, -1.0F);
  const resizable_tensor images = real_images(discriminator);
  resizable_tensor latent;
  const auto step = [&] {
    discriminator.compute_parameter_gradients(images, real.begin());
    discriminator.update_parameters(make_sstack(discriminator_solvers), learning_rate);
    const std::vector<Noise> numbers = noise();
    generator.to_tensor(numbers.begin(), numbers.end(), latent);
    const resizable_tensor fake(generator.subnet().forward(latent));
    discriminator.compute_parameter_gradients(fake, made.begin());
    discriminator.update_parameters(make_sstack(discriminator_solvers), learning_rate);

    discriminator.compute_loss(fake, real.begin());
    discriminator.subnet().back_propagate_error(fake);
    generator.subnet().back_propagate_error(latent,
                                            discriminator.subnet().get_final_data_gradient());
    generator.update_parameters(make_sstack(generator_solvers), learning_rate);
  };
  step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * batch_size);
}

void infer(benchmark::State& state) {
  Generator trained;
  resizable_tensor latent;
  const auto draw = [&] {
    const std::vector<Noise> numbers = noise();
    trained.to_tensor(numbers.begin(), numbers.end(), latent);
  };
  draw();
  trained.subnet().forward(latent);  // which lays the layers out
  InferringGenerator generator = trained;
  const auto step = [&] {
    draw();
    benchmark::DoNotOptimize(generator.subnet().forward(latent).host());
  };
  step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * batch_size);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RegisterBenchmark("W6/train", train)->UseRealTime();
  benchmark::RegisterBenchmark("W6/infer", infer)->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
