// The library for a page: C functions that JavaScript can call (nn.js does). Numbers go in and out
// through memory that the page gets by nn_alloc; a function that fails returns 0, and nn_error says
// why.

#include <nn/io/model_file.hpp>
#include <nn/io/safetensors.hpp>
#include <nn/train/mahalanobis.hpp>
#include <nn/train/rejection.hpp>

#include <cstdlib>
#include <optional>

#include "training.hpp"

#define NN_EXPORT extern "C" __attribute__((used, visibility("default")))

namespace {

using nn::Index;

/// A network of the page's, with all that belongs to it.
struct Entry {
  explicit Entry(const web::Description& description, std::uint64_t seed)
      : model(description.network, description.input, {.seed = seed}) {}
  explicit Entry(const nn::SafetensorsFile& file)
      : model(nn::model_of<float>(file)), metadata(file.metadata) {}

  web::Model model;
  nn::Metadata metadata;  ///< of the file that the model came from
  std::unique_ptr<web::Training> training;
  std::optional<nn::MahalanobisDistance> distance;
  std::string feature_path;
  nn::Tensor<float> outputs;
  std::map<std::string, nn::Tensor<float>> traced;  ///< what each layer gave out, by its path
};

struct State {
  std::string error;
  std::string text;  ///< what was last returned as text
  std::vector<float> numbers;
  nn::Dataset train;
  nn::Dataset test;
  std::vector<std::unique_ptr<Entry>> entries;
};

State& state() {
  static State instance;
  return instance;
}

/// Runs `work`; returns its result, or 0 with the error noted.
template <class Work>
auto guarded(const Work& work) -> decltype(work()) {
  try {
    state().error.clear();
    return work();
  } catch (const std::exception& error) {
    state().error = error.what();
  }
  return {};
}

Entry& entry(int id) {
  auto& entries = state().entries;
  nn::require(id >= 1 && id <= static_cast<int>(entries.size()) &&
                  entries[static_cast<std::size_t>(id - 1)] != nullptr,
              "there is no network number ", id);
  return *entries[static_cast<std::size_t>(id - 1)];
}

const nn::Dataset& part(int test) { return test != 0 ? state().test : state().train; }

nn::TensorView<const float> batch(const Entry& entry, const float* values, int count) {
  return {values, entry.model.input_shape().prepended(count)};
}

/// Keeps a copy of what every layer gives out.
class Tracer final : public nn::Observer<float> {
 public:
  explicit Tracer(std::map<std::string, nn::Tensor<float>>& results) : results_(results) {}
  void before(const nn::Plan& /*plan*/, bool /*is_backward*/) override {}
  void after(const nn::Plan& plan, bool /*is_backward*/,
             nn::TensorView<const float> result) override {
    nn::Tensor<float>& kept = results_[plan.path];
    kept.resize(result.shape());
    std::copy(result.begin(), result.end(), kept.begin());
  }

 private:
  std::map<std::string, nn::Tensor<float>>& results_;
};

/// The features of so many inputs at the entry's feature layer: N x size. Their outputs are then in
/// `entry.outputs`.
nn::Tensor<float> features(Entry& entry, nn::TensorView<const float> inputs) {
  const Index count = inputs.shape()[0];
  constexpr Index most = 250;  // a layer's result comes whole only for as many
  Tracer tracer(entry.traced);
  entry.outputs.resize(entry.model.output_shape().prepended(count));
  nn::Tensor<float> flat;
  for (Index first = 0; first < count; first += most) {
    const Index some = std::min(most, count - first);
    entry.model.predict(inputs.samples(first, some), entry.outputs.view().samples(first, some),
                        &tracer);
    const auto found = entry.traced.find(entry.feature_path);
    nn::require(found != entry.traced.end(), "there is no layer at '", entry.feature_path, "'");
    const nn::Tensor<float>& part = found->second;
    const Index size = part.size() / some;
    if (first == 0) flat.resize({count, size});
    std::copy(part.begin(), part.end(), flat.begin() + first * size);
  }
  return flat;
}

}  // namespace

// ---- memory and errors ----

NN_EXPORT void* nn_alloc(int bytes) { return std::malloc(static_cast<std::size_t>(bytes)); }
NN_EXPORT void nn_free(void* memory) { std::free(memory); }
/// What went wrong in the last call; "" if nothing did.
NN_EXPORT const char* nn_error() { return state().error.c_str(); }

// ---- data ----

/// Takes `count` images of height x width x channels bytes with their labels: the first `learn` to
/// train on, the others to test by. Returns 1.
NN_EXPORT int nn_data(const std::uint8_t* images, const std::uint8_t* labels, int count, int learn,
                      int height, int width, int channels, double mean, double deviation) {
  return guarded([&] {
    nn::Tensor<std::uint8_t> pixels({count, height, width, channels});
    std::copy_n(images, pixels.size(), pixels.begin());
    const nn::Dataset all = nn::Dataset(std::move(pixels), {labels, labels + count})
                                .with_normalization({{mean}, {deviation}});
    state().train = all.slice(0, learn);
    state().test = all.slice(learn, count - learn);
    return 1;
  });
}

// ---- networks ----

/// Makes a network (see read_network). Returns its number, from 1 on.
NN_EXPORT int nn_create(const char* text, int seed) {
  return guarded([&] {
    state().entries.push_back(
        std::make_unique<Entry>(web::read_network(text), static_cast<std::uint64_t>(seed)));
    return static_cast<int>(state().entries.size());
  });
}

/// Makes the network that a model file holds (nn::save wrote it), with its weights. Returns its
/// number.
NN_EXPORT int nn_open(const char* bytes, int size) {
  return guarded([&] {
    const auto file = nn::SafetensorsFile::parse({bytes, static_cast<std::size_t>(size)}, "model");
    state().entries.push_back(std::make_unique<Entry>(file));
    return static_cast<int>(state().entries.size());
  });
}

/// What the file of an opened model says under a key: "nn.about" has the classes and how inputs
/// were normalised, as JSON.
NN_EXPORT const char* nn_metadata(int id, const char* key) {
  return guarded([&]() -> const char* {
    const auto& metadata = entry(id).metadata;
    const auto found = metadata.find(key);
    nn::require(found != metadata.end(), "the file says nothing of '", key, "'");
    return found->second.c_str();
  });
}

/// Frees a network.
NN_EXPORT int nn_delete(int id) {
  return guarded([&] {
    entry(id);
    state().entries[static_cast<std::size_t>(id - 1)].reset();
    return 1;
  });
}

/// Reads weights, the bytes of a safetensors file. Returns 1.
NN_EXPORT int nn_load(int id, const char* bytes, int size) {
  return guarded([&] {
    const auto file =
        nn::SafetensorsFile::parse({bytes, static_cast<std::size_t>(size)}, "weights");
    nn::from_safetensors(entry(id).model, file);
    return 1;
  });
}

/// A line for each layer: path, name, extents of its output, parameters; tabs between.
NN_EXPORT const char* nn_layers(int id) {
  return guarded([&]() -> const char* {
    std::string& text = state().text;
    text.clear();
    for (const nn::Plan& layer : entry(id).model.plan().children) {
      Index parameters = 0;
      for (const nn::Variable& variable : layer.parameters) parameters += variable.shape.size();
      text += nn::text(layer.path, '\t', layer.name, '\t', layer.output, '\t', parameters, '\n');
    }
    return text.c_str();
  });
}

/// The parameter called `name` ("0.weight"); where it is; `size` is told how many numbers it has.
NN_EXPORT const float* nn_parameter(int id, const char* name, int* size) {
  return guarded([&]() -> const float* {
    const auto values = entry(id).model.parameter(name);
    *size = static_cast<int>(values.size());
    return values.data();
  });
}

// ---- training ----

/// Begins a training of the network as it is. Returns 1.
NN_EXPORT int nn_train_begin(int id, const char* optimizer, double learning_rate, int batch_size,
                             int seed) {
  return guarded([&] {
    Entry& it = entry(id);
    it.training =
        std::make_unique<web::Training>(it.model, state().train,
                                        web::TrainingOptions{optimizer, learning_rate, batch_size,
                                                             static_cast<std::uint64_t>(seed)});
    return 1;
  });
}

/// For the steps to come. Returns 1.
NN_EXPORT int nn_learning_rate(int id, double rate) {
  return guarded([&] {
    nn::require(entry(id).training != nullptr, "no training has begun");
    entry(id).training->set_learning_rate(rate);
    return 1;
  });
}

/// Makes so many steps. Returns three numbers: mean loss, images, images recognised. Stops at a
/// loss that is not finite.
NN_EXPORT const float* nn_train(int id, int steps) {
  return guarded([&]() -> const float* {
    web::Training* training = entry(id).training.get();
    nn::require(training != nullptr, "no training has begun");
    float loss = 0;
    float images = 0;
    float right = 0;
    int made = 0;
    while (made < steps && std::isfinite(loss)) {
      loss += training->step();
      images += static_cast<float>(training->images());
      right += static_cast<float>(training->right());
      ++made;
    }
    state().numbers = {loss / static_cast<float>(std::max(made, 1)), images, right};
    return state().numbers.data();
  });
}

/// Predicts `count` images of the training (`test` = 0) or test set from `first` on, labels known.
/// Returns two numbers: mean loss, images recognised.
NN_EXPORT const float* nn_evaluate(int id, int test, int first, int count) {
  return guarded([&]() -> const float* {
    Entry& it = entry(id);
    const nn::Tensor<float> inputs = part(test).inputs(first, count);
    it.outputs = it.model.predict(inputs);
    nn::Tensor<float> gradient(it.outputs.shape());
    const nn::TensorView<const nn::Label> labels{part(test).labels().data() + first,
                                                 nn::Shape{count}};
    const nn::TensorView<const float> scores = it.outputs;
    const float loss = nn::SoftmaxCrossEntropy{}(scores, labels, gradient.view());
    state().numbers = {loss, static_cast<float>(web::Training::count_right(scores, labels))};
    return state().numbers.data();
  });
}

// ---- predictions ----

/// The network's output for `count` samples, normalised as the network was trained. Also keeps what
/// each layer gave out (nn_traced), of the last ones if there are more than 256.
NN_EXPORT const float* nn_predict(int id, const float* inputs, int count) {
  return guarded([&]() -> const float* {
    Entry& it = entry(id);
    Tracer tracer(it.traced);
    it.outputs.resize(it.model.output_shape().prepended(count));
    it.model.predict(batch(it, inputs, count), it.outputs.view(), &tracer);
    return it.outputs.data();
  });
}

/// What the layer at `path` gave out in the last prediction.
NN_EXPORT const float* nn_traced(int id, const char* path, int* size) {
  return guarded([&]() -> const float* {
    const auto& traced = entry(id).traced;
    const auto found = traced.find(path);
    nn::require(found != traced.end(), "the layer at '", path, "' gave out nothing of its own");
    *size = static_cast<int>(found->second.size());
    return found->second.data();
  });
}

// ---- doubt ----

/// Fits the distance of a sample from all classes to `count` training images, as the layer at
/// `path` sees them. Returns 1.
NN_EXPORT int nn_distance_fit(int id, const char* path, int count, double ridge) {
  return guarded([&] {
    Entry& it = entry(id);
    it.feature_path = path;
    const nn::Dataset& data = state().train;
    const nn::Tensor<float> inputs = data.inputs(0, count);
    it.distance.emplace(features(it, inputs),
                        nn::TensorView<const nn::Label>{data.labels().data(), nn::Shape{count}},
                        data.classes(), ridge);
    return 1;
  });
}

/// Takes a distance that was fitted before, from the bytes of a safetensors file. Returns 1.
NN_EXPORT int nn_distance_load(int id, const char* bytes, int size) {
  return guarded([&] {
    Entry& it = entry(id);
    const auto file = nn::SafetensorsFile::parse({bytes, static_cast<std::size_t>(size)}, "doubt");
    it.feature_path = file.metadata.at("layer");
    it.distance.emplace(file.get<double>("means"), file.get<double>("whitening"));
    return 1;
  });
}

/// The distances of `count` samples.
NN_EXPORT const float* nn_distance(int id, const float* inputs, int count) {
  return guarded([&]() -> const float* {
    Entry& it = entry(id);
    nn::require(it.distance.has_value(), "no distance has been fitted");
    const auto distances = (*it.distance)(features(it, batch(it, inputs, count)));
    state().numbers.assign(distances.begin(), distances.end());
    return state().numbers.data();
  });
}

/// The distances of `count` test images from `first` on, then their largest probabilities.
NN_EXPORT const float* nn_doubt_of_test(int id, int first, int count) {
  return guarded([&]() -> const float* {
    Entry& it = entry(id);
    nn::require(it.distance.has_value(), "no distance has been fitted");
    const nn::Tensor<float> inputs = state().test.inputs(first, count);
    const auto distances = (*it.distance)(features(it, inputs));
    state().numbers.assign(distances.begin(), distances.end());
    for (Index i = 0; i < count; ++i) {
      const auto row = it.outputs.rows().row(i).array();
      state().numbers.push_back(1 / (row - row.maxCoeff()).exp().sum());
    }
    return state().numbers.data();
  });
}
