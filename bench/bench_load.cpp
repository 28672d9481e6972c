// From files to batches, in images per second: reading IDX and CIFAR-10 files (made here, of random
// bytes, and mostly still in the system's memory when they are read), putting shuffled batches
// together, each augmentation and each way of mixing, and the loader with its thread.
//
//     bench_load --benchmark_filter=augment

#include <cstdint>
#include <nn/nn.hpp>
#include <string>
#include <vector>

#include "../tests/data_files.hpp"
#include "run.hpp"

namespace {

using nn::Index;

constexpr Index images = 10000;
constexpr Index batch = 128;

std::string random_bytes(Index count) {
  nn::Random random(1);
  std::string bytes(static_cast<std::size_t>(count), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

nn::Dataset random_images(const nn::Shape& sample) {
  nn::Tensor<std::uint8_t> pixels(sample.prepended(images));
  const std::string bytes = random_bytes(pixels.size());
  std::copy(bytes.begin(), bytes.end(), pixels.begin());
  std::vector<nn::Label> labels;
  for (Index i = 0; i < images; ++i) labels.push_back(static_cast<nn::Label>(i % 10));
  return {std::move(pixels), std::move(labels)};
}

void read_idx(benchmark::State& state) {
  const data_files::TemporaryFolder folder;
  std::string labels = random_bytes(images);
  for (char& label : labels) label = static_cast<char>(static_cast<unsigned char>(label) % 10);
  const auto image_file = folder.write(
      "images", data_files::idx_header(0x803, {images, 28, 28}) + random_bytes(images * 28 * 28));
  const auto label_file = folder.write("labels", data_files::idx_header(0x801, {images}) + labels);
  bench::measure(state, [&] { benchmark::DoNotOptimize(nn::load_idx(image_file, label_file)); });
  state.SetItemsProcessed(state.iterations() * images);
  bench::count_rate(state, "GB/s", images * 28.0 * 28.0);
}

void read_cifar(benchmark::State& state) {
  constexpr Index in_a_file = 2000;
  constexpr Index record = 1 + 32 * 32 * 3;
  const data_files::TemporaryFolder folder;
  std::string bytes = random_bytes(in_a_file * record);
  for (std::size_t i = 0; i < bytes.size(); i += record) bytes[i] = '\x07';
  for (const char* name : {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4",
                           "data_batch_5", "test_batch"}) {
    folder.write(nn::detail::text(name, ".bin"), bytes);
  }
  bench::measure(state, [&] {
    benchmark::DoNotOptimize(nn::load_cifar10(folder.path(), {.images_per_file = in_a_file}));
  });
  state.SetItemsProcessed(state.iterations() * 6 * in_a_file);
  bench::count_rate(state, "GB/s", 6.0 * in_a_file * record);
}

/// Epochs of batches of 128 and nothing else; at least one.
void load(benchmark::State& state, const nn::Dataset& data, const nn::LoaderOptions& options) {
  nn::Loader loader(data, options);
  Index epoch = 0;
  bench::measure(state, [&] {
    for (const nn::Batch<float>& one : loader.epoch(epoch)) {
      benchmark::DoNotOptimize(one.inputs.data());
    }
    ++epoch;
  });
  state.SetItemsProcessed(state.iterations() * data.size());
  bench::count_rate(
      state, "GB/s",
      4.0 * static_cast<double>(data.size()) * static_cast<double>(data.sample_shape().size()));
}

void add(const std::string& name, auto&& run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime()->Unit(benchmark::kMillisecond);
}

/// Everything that makes batches of images of one shape.
void add_batches(const std::string& shape, const nn::Dataset& data) {
  const auto add_loading = [&](const std::string& name, nn::LoaderOptions options) {
    options.batch_size = batch;
    add(shape + "/" + name, [=](benchmark::State& state) { load(state, data, options); });
  };
  add_loading("batches/in_order", {.shuffle = false, .background = false});
  add_loading("batches/shuffled", {.background = false});
  add_loading("batches/background", {});
  const auto add_augmentation = [&](const std::string& name, nn::Augmentation augmentation) {
    add_loading("augment/" + name, {.background = false, .augmentation = std::move(augmentation)});
  };
  add_augmentation("RandomShift", nn::RandomShift{});
  add_augmentation("RandomFlip", nn::RandomFlip{});
  add_augmentation("AlternatingFlip", nn::AlternatingFlip{});
  add_augmentation("RandomAffine",
                   nn::RandomAffine{.rotation = 15, .scale = 0.1, .shear = 0.1, .shift = 2});
  add_augmentation("ElasticDistortion", nn::ElasticDistortion{});
  add_augmentation("Cutout", nn::Cutout{});
  add_augmentation("RandomBrightnessContrast",
                   nn::RandomBrightnessContrast{.brightness = 0.2, .contrast = 0.2});
  add_loading("mix/MixUp", {.background = false, .transform = nn::MixUp{}});
  add_loading("mix/CutMix", {.background = false, .transform = nn::CutMix{}});
}

}  // namespace

int main(int argc, char** argv) {
  add("read/IDX", read_idx);
  add("read/CIFAR-10", read_cifar);
  add_batches("28x28x1", random_images({28, 28, 1}));
  add_batches("32x32x3", random_images({32, 32, 3}));
  return bench::run(argc, argv);
}
