#include "nn/io/model_file.hpp"

#include <doctest/doctest.h>
#include <filesystem>

#include "nn/layers/concat.hpp"
#include "nn/train/features.hpp"

namespace model_file_test {

namespace {

using nn::AnyLayer;
using nn::Index;
using nn::Shape;
using nn::Tensor;

std::string message_of(const auto& run) {
  try {
    run();
  } catch (const nn::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

bool holds(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

template <class T = float>
Tensor<T> random_inputs(const Shape& shape) {
  Tensor<T> x(shape);
  nn::Random random(7);
  for (T& value : x) value = static_cast<T>(random.uniform(-2, 2));
  return x;
}

/// The layers as JSON.
std::string told(const auto& network) {
  nn::detail::ArchitectureWriter writer;
  nn::detail::describe(network, writer);
  REQUIRE(writer.undescribed_layer().empty());
  return writer.take().dump();
}

/// Three training steps, so that weights and statistics are none that an initialiser makes.
void train(auto& model, const Shape& input) {
  const Tensor<float> x = random_inputs(input.prepended(4));
  for (int step = 0; step < 3; ++step) {
    model.zero_gradients();
    const auto y = model.forward(x);
    const Tensor<float> dy(y.shape(), 0.5F);
    model.backward(dy);
    for (Index i = 0; i < model.parameters().size(); ++i) {
      model.parameters()[i] -= 0.05F * model.gradients()[i];
    }
  }
}

/// Saves a model of `network` and loads it without knowing the network: it must be the same network
/// with the same weights, give the same bits, in inference and in a training pass, and be saved as
/// the same bytes.
void check_round_trip(const auto& network, const Shape& input,
                      const nn::SaveOptions& options = {}) {
  nn::Model model(network, input, {.seed = 5});
  train(model, input);
  const nn::SafetensorsFile file = nn::to_safetensors(model, options);
  auto loaded = nn::model_of<float>(nn::SafetensorsFile::parse(file.serialize(), "a file"));
  CAPTURE(file.metadata.at("nn.network"));
  CHECK(loaded.input_shape() == input);
  CHECK(nn::to_safetensors(loaded, options).serialize() == file.serialize());
  if (options.type) return;  // rounded
  const Tensor<float> x = random_inputs(input.prepended(3));
  CHECK(loaded.predict(x) == model.predict(x));
  model.reset(9);
  loaded.reset(9);
  const auto y = model.forward(x);
  const auto again = loaded.forward(x);
  CHECK(std::equal(y.begin(), y.end(), again.begin(), again.end()));
  CHECK(std::equal(model.state().begin(), model.state().end(), loaded.state().begin(),
                   loaded.state().end()));
}

/// Converts to any option, so that the compiler tells how many a layer has.
struct Anything {
  template <class Option>
  operator Option() const;  // NOLINT(google-explicit-constructor)
};
template <class L, class... Options>
constexpr Index option_count() {
  if constexpr (requires { L{Options{}..., Anything{}}; }) {
    return option_count<L, Options..., Anything>();
  } else {
    return sizeof...(Options);
  }
}

/// All options of a layer must be told, and none have its default here, and come back.
template <class L>
void check_options(const L& layer) {
  CAPTURE(nn::name_of(layer));
  const auto json = nn::detail::Json::parse(told(layer));
  CHECK(static_cast<Index>(json.size()) - 1 == option_count<L>());
  const auto usual = nn::detail::Json::parse(told(L{}));
  for (const auto& option : json.items()) {
    const std::string name = option.key();
    CAPTURE(name);
    if (name != "layer") CHECK(option.value() != usual[name]);
  }
  const nlohmann::json node = json;
  L read;
  nn::detail::OptionsReader reader(node);
  read.fields(reader);
  reader.finish();
  CHECK(told(read) == json.dump());
}

/// A layer of somebody's own.
struct Scale {
  float factor = 2;
  bool negate = false;
  std::string note = "none";

  void fields(nn::Fields& fields) {
    fields.layer("Scale");
    fields("factor", factor);
    fields("negate", negate);
    fields("note", note);
  }
  [[nodiscard]] Shape output_shape(const Shape& input) const { return input; }
  template <class T>
  void forward(const nn::Context<T>& /*context*/, nn::TensorView<const T> x,
               nn::TensorView<T> y) const {
    for (Index i = 0; i < x.size(); ++i) y[i] = (negate ? -x[i] : x[i]) * static_cast<T>(factor);
  }
  template <class T>
  void backward(const nn::Context<T>& context, nn::TensorView<const T> /*x*/,
                nn::TensorView<const T> /*y*/, nn::TensorView<const T> dy,
                nn::TensorView<T> dx) const {
    if (context.wants_input_gradient) forward(context, dy, dx);
  }
};
struct Unknown : Scale {
  void fields(nn::Fields& fields) { fields.layer("Unknown"); }
};
/// Says nothing of its options.
struct Silent : nn::ShapeChange {
  [[nodiscard]] std::string name() const { return "Silent{}"; }
  [[nodiscard]] Shape output_shape(const Shape& input) const { return input; }
};

}  // namespace

TEST_CASE("model files: every option of every layer is told and read back") {
  using nn::Padding;
  check_options(nn::Conv2D{.filters = 6,
                           .kernel = {2, 5},
                           .stride = {2, 1},
                           .dilation = {1, 2},
                           .groups = 2,
                           .padding = {1, 2, 3, 4},
                           .bias = false,
                           .initializer = nn::orthogonal(0.5),
                           .bias_initializer = nn::ones()});
  check_options(nn::ConvTranspose2D{.filters = 6,
                                    .kernel = {2, 5},
                                    .stride = {2, 3},
                                    .dilation = {1, 2},
                                    .groups = 2,
                                    .padding = Padding::same(),
                                    .output_padding = {1, 2},
                                    .bias = false,
                                    .initializer = nn::dirac(0.25),
                                    .bias_initializer = nn::truncated_normal(0.1)});
  check_options(nn::Dense{.units = 7,
                          .bias = false,
                          .initializer = nn::lecun_normal(),
                          .bias_initializer = nn::uniform(0.3)});
  check_options(nn::BatchNorm{.scale = false, .shift = false, .momentum = 0.7F, .epsilon = 0.3F});
  check_options(nn::LayerNorm{.scale = false, .shift = false, .epsilon = 1.0F / 3});
  check_options(nn::RMSNorm{.scale = false, .epsilon = 0.3F});
  check_options(nn::GroupNorm{.groups = 3, .scale = false, .shift = false, .epsilon = 0.3F});
  check_options(nn::InstanceNorm{.scale = false, .shift = false, .epsilon = 0.3F});
  check_options(nn::Embedding{.tokens = 5, .features = 3, .initializer = nn::uniform(0.3)});
  check_options(nn::SinusoidalPositions{.base = 50});
  check_options(nn::LearnedPositions{.initializer = nn::uniform(0.3)});
  check_options(nn::MultiHeadAttention{.heads = 2,
                                       .causal = true,
                                       .dropout = 0.1F,
                                       .bias = false,
                                       .rotary = true,
                                       .queries = 3,
                                       .rotary_base = 50,
                                       .initializer = nn::uniform(0.3)});
  check_options(nn::Dropout{.rate = 0.1F});
  check_options(nn::LeakyReLU{.negative_slope = 0.3F});
  check_options(nn::PReLU{.per_channel = false, .slope = 0.6F});
  check_options(nn::ELU{.alpha = 0.6F});
  check_options(nn::Clip{.low = -std::numeric_limits<float>::infinity(), .high = 0.1F});
  check_options(nn::GELU{.approximate = true});
  check_options(nn::PReLU{.per_channel = false, .slope = 0.5F});
  check_options(nn::UpSample2D{.factor = {3, 1}});
  check_options(nn::BilinearUpSample2D{.factor = {3, 1}, .align_corners = true});
  check_options(nn::AdaptiveAveragePool2D{.output = {3, 1}});
  check_options(nn::AdaptiveMaxPool2D{.output = {3, 1}});
  check_options(nn::PixelShuffle{.factor = 3});
  check_options(nn::DropPath{.rate = 0.3F});
  check_options(nn::GatedLinearUnit{.swish = true});
  check_options(nn::MaxPool2D{.window = {3, 4}, .stride = {1, 5}, .padding = {1, 0}});
  check_options(nn::AveragePool2D{
      .window = {3, 4}, .stride = {1, 5}, .padding = {0, 2}, .count_padding = true});
}

TEST_CASE("model files: a network of every layer gives the same bits without its source") {
  check_round_trip(
      nn::sequential(
          nn::Conv2D{.filters = 6,
                     .kernel = {3, 2},
                     .stride = {1, 2},
                     .dilation = {2, 1},
                     .groups = 2,
                     .padding = {2, 0, 1, 0},
                     .bias = false},
          nn::BatchNorm{.shift = false, .momentum = 0.25F, .epsilon = 0.01F}, nn::ReLU{},
          nn::residual(nn::Conv2D{.filters = 6, .padding = nn::Padding::same()},
                       nn::LeakyReLU{0.125F}, nn::Dropout{0.25F}),
          nn::Residual(nn::sequential(nn::Conv2D{.filters = 4, .padding = 1}, nn::SiLU{}),
                       nn::Conv2D{.filters = 4, .kernel = 1}),
          nn::concat(nn::Identity{}, nn::Conv2D{.filters = 2, .kernel = 1},
                     nn::sequential(nn::MaxPool2D{3, 1, 1}, nn::Softplus{})),
          nn::Clip{-1.5F, 2.5F}, nn::LayerNorm{.scale = false, .epsilon = 0.5F},
          nn::ConvTranspose2D{
              .filters = 4, .kernel = 2, .stride = 2, .groups = 2, .output_padding = {0, 1}},
          nn::ELU{0.5F},
          nn::AveragePool2D{
              .window = {2, 3}, .stride = 2, .padding = {0, 1}, .count_padding = true},
          nn::UpSample2D{{2, 1}}, nn::Tanh{},
          nn::concat(nn::sequential(nn::GlobalAveragePool2D{}, nn::SELU{}), nn::Flatten{},
                     nn::FlattenChannelsFirst{}),
          nn::Dense{.units = 12, .bias = false}, nn::Reshape{{2, 2, 3}},
          nn::GELU{.approximate = true}, nn::FlattenChannelsLast{},
          nn::ReshapeChannelsLast{{2, 2, 3}}, nn::Flatten{}, nn::Dense{6}, nn::PReLU{}, nn::GELU{},
          nn::Mish{}, nn::HardSwish{}, nn::LogSoftmax{}, nn::LayerNorm{.shift = false},
          nn::Sigmoid{}, nn::Dense{3}, nn::BatchNorm{.scale = false}, nn::Softmax{}),
      {7, 8, 4});
  check_round_trip(
      nn::sequential(nn::Conv2D{.filters = 3, .kernel = 2}, nn::PReLU{}, nn::FlattenChannelsLast{},
                     nn::Dense{12}, nn::PReLU{.per_channel = false},
                     nn::ReshapeChannelsLast{{2, 2, 3}}, nn::Conv2D{.filters = 4, .kernel = 2},
                     nn::LogSoftmax{}),
      {4, 5, 2});
  check_round_trip(
      nn::sequential(nn::Conv2D{.filters = 8, .kernel = 2}, nn::squeeze_excitation(8, 4),
                     nn::PixelShuffle{2}, nn::Mish{}, nn::BilinearUpSample2D{{1, 2}},
                     nn::AdaptiveAveragePool2D{{5, 4}}, nn::HardSwish{},
                     nn::residual(nn::Conv2D{.filters = 2, .padding = 1}, nn::DropPath{0.25F}),
                     nn::AdaptiveMaxPool2D{{3, 2}}, nn::GlobalMaxPool2D{}, nn::Dense{6},
                     nn::GatedLinearUnit{true}),
      {4, 5, 2});
}

TEST_CASE("model files: run-time networks, renamed layers, PyTorch's layout, smaller numbers") {
  nn::Sequential<AnyLayer> network;
  network.push_back(nn::Conv2D{.filters = 3, .kernel = 3});
  network.push_back(nn::Concat<AnyLayer, AnyLayer>(nn::BatchNorm{}, nn::ReLU{}));
  network.push_back(nn::Flatten{});
  network.push_back(nn::Dense{4});
  const Shape input{6, 5, 2};
  check_round_trip(network, input);
  const nn::LayerNames names{{"0", "conv"}, {"1.0", "bn"}, {"3", "fc"}};
  check_round_trip(network, input, {.names = names});
  check_round_trip(network, input, {.layout = nn::WeightLayout::pytorch});
  check_round_trip(network, input, {.layout = nn::WeightLayout::pytorch, .names = names});
  nn::Model model(network, input, {.seed = 5});
  for (const auto type : {nn::ElementType::f16, nn::ElementType::bf16, nn::ElementType::i8}) {
    const auto file = nn::to_safetensors(model, {.type = type});
    const auto loaded = nn::model_of<float>(file);
    nn::Model rounded(network, input);
    nn::from_safetensors(rounded, file);
    const Tensor<float> x = random_inputs(input.prepended(2));
    CHECK(loaded.predict(x) == rounded.predict(x));
  }
  nn::Model<nn::Sequential<AnyLayer>, double> exact(network, input, {.seed = 5});
  const auto file = nn::to_safetensors(exact);
  const Tensor<double> x = random_inputs<double>(input.prepended(2));
  CHECK(nn::model_of<double>(file).predict(x) == exact.predict(x));
}

TEST_CASE("model files: a network that is no chain becomes the layer of one") {
  const Tensor<float> x = random_inputs({3, 5});
  const nn::Model dense(nn::Dense{4}, {5}, {.seed = 2});
  CHECK(nn::model_of<float>(nn::to_safetensors(dense)).predict(x) == dense.predict(x));
  const nn::Model block(nn::residual(nn::Dense{5}, nn::ReLU{}), {5}, {.seed = 3});
  const auto file = nn::to_safetensors(block);
  CHECK(file.contains("0.0.weight"));
  CHECK(nn::model_of<float>(file).predict(x) == block.predict(x));
}

TEST_CASE("model files: what is known of a model comes back") {
  const nn::Model model(nn::sequential(nn::Dense{3}),
                        {
                            2,
                        },
                        {.seed = 2});
  Tensor<float> features({6, 2}, {0, 0, 0, 1, 5, 5, 5, 6, 9, 0, 9, 1});
  const Tensor<nn::Label> labels({6}, {0, 0, 1, 1, 2, 2});
  nn::ModelInfo info{.class_names = {"a", "b", "ünïcödé \"c\""},
                     .normalization = nn::Normalization{{0.25, 0.1}, {0.5, 1.0 / 3}},
                     .picture = nn::PictureKind::digit,
                     .views = {.flip = true, .shift = 2, .border = nn::Border::zero},
                     .rejection = {.least_probability = 0.7,
                                   .least_margin = 0.1,
                                   .largest_distance = 3.5,
                                   .layer = "0",
                                   .distance = nn::MahalanobisDistance(features, labels, 3)},
                     .metrics = {{"test_accuracy", 0.99}, {"loss", 1.0 / 3}},
                     .provenance = {{"data", "by hand"}, {"seed", "2"}}};
  const auto file = nn::to_safetensors(model, {.metadata = {{"mine", "too"}}, .about = info});
  CHECK(file.metadata.at("mine") == "too");
  const nn::ModelInfo read = nn::info_of(nn::SafetensorsFile::parse(file.serialize(), "a file"));
  CHECK(read.class_names == info.class_names);
  REQUIRE(read.normalization.has_value());
  CHECK(read.normalization->mean == info.normalization->mean);
  CHECK(read.normalization->deviation == info.normalization->deviation);
  CHECK(read.picture == nn::PictureKind::digit);
  CHECK(read.views.flip);
  CHECK(read.views.shift == 2);
  CHECK(read.views.border == nn::Border::zero);
  CHECK(read.rejection.least_probability == 0.7);
  CHECK(read.rejection.least_margin == 0.1);
  CHECK(read.rejection.largest_distance == 3.5);
  CHECK(read.rejection.layer == "0");
  REQUIRE(read.rejection.distance.has_value());
  const auto expected = (*info.rejection.distance)(features);
  const auto found = (*read.rejection.distance)(features);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-4));
  }
  CHECK(read.metrics == info.metrics);
  CHECK(read.provenance == info.provenance);
  // The tensors of the distance are no weights.
  CHECK(nn::model_of<float>(file).parameters().size() == 9);

  info.class_names.pop_back();
  CHECK(message_of([&] { (void)nn::to_safetensors(model, {.about = info}); }) ==
        "2 class names for 3 outputs");
}

TEST_CASE("model files: a layer of one's own is read once it is registered") {
  const nn::Model model(nn::sequential(nn::Dense{3}, Scale{0.1F, true, "mine"}), {2});
  const auto file = nn::to_safetensors(model);
  const auto load = [&] { return nn::model_of<float>(file); };
  CHECK(message_of(load) ==
        "layer 1 (Scale): there is no layer of this name; one of your own has to be registered "
        "before: nn::register_layer<Scale>()");
  nn::register_layer<Scale>();
  nn::register_layer<Scale>();          // again, by another part of the program
  nn::register_layer<Scale>("Factor");  // as files of a former version call it
  const Tensor<float> x = random_inputs({3, 2});
  CHECK(load().predict(x) == model.predict(x));
  nn::SafetensorsFile former = file;
  std::string& json = former.metadata["nn.model"];
  json.replace(json.find("\"Scale\""), 7, "\"Factor\"");
  CHECK(nn::model_of<float>(former).predict(x) == model.predict(x));
  CHECK(holds(message_of([] { nn::register_layer<Unknown>("Scale"); }),
              "there is a layer called 'Scale' already"));
  CHECK(holds(message_of([] { nn::register_layer<Unknown>("Residual"); }), "already"));
}

TEST_CASE("model files: a network with a layer that tells nothing is saved without its layers") {
  const nn::Model model(nn::sequential(nn::Dense{3}, Silent{}), {2}, {.seed = 4});
  const auto file = nn::to_safetensors(model);
  CHECK(holds(message_of([&] { (void)nn::model_of<float>(file); }),
              "it does not hold its network: the layer 'Silent{}' does not tell its options"));
  nn::Model again(nn::sequential(nn::Dense{3}, Silent{}), {2});
  nn::from_safetensors(again, file);
  CHECK(
      std::equal(again.parameters().begin(), again.parameters().end(), model.parameters().begin()));
}

TEST_CASE("model files: what cannot be loaded is refused by name") {
  const nn::Model model(nn::sequential(nn::Flatten{}, nn::Dense{3}, nn::LeakyReLU{0.5F}), {2, 2, 1},
                        {.seed = 4});
  const nn::SafetensorsFile good = nn::to_safetensors(model);
  const auto refused = [&](const std::string& key, const std::string& from, const std::string& to) {
    nn::SafetensorsFile file = good;
    std::string& text = file.metadata[key];
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
    return message_of([&] { (void)nn::model_of<float>(file); });
  };
  const std::string model_key = "nn.model";
  CHECK(refused("nn.format", "2", "3") ==
        "it is of format 3, and up to 2 can be read: it was written by a newer version of the "
        "library");
  CHECK(refused("nn.format", "2", "two") == "its format 'two' is no number");
  CHECK(holds(refused(model_key, "\"units\":3", "\"units\":3.5"),
              "layer 1 (Dense): its option 'units' should be a whole number, and is 3.5"));
  CHECK(holds(refused(model_key, "\"units\":3", "\"units\":3000000000"),
              "layer 1 (Dense): its option 'units' should be at most"));
  CHECK(holds(refused(model_key, "\"units\":3", "\"units\":200000000"),
              "layer 1 (Dense): its parameters are more than the file holds"));
  CHECK(holds(refused(model_key, "\"units\":3", "\"units\":0"),
              "layer 1 (Dense): the number of units must be positive"));
  CHECK(holds(refused(model_key, "\"units\":3", "\"units\":3,\"rows\":1"),
              "layer 1 (Dense): it has the option 'rows', which is not known here"));
  CHECK(holds(refused(model_key, "\"bias\":true", "\"bias\":1"), "should be true or false"));
  CHECK(holds(refused(model_key, "\"bias\":true", "\"bias\":false"), "extra: 1.bias (3)"));
  CHECK(holds(refused(model_key, "\"units\":3", "\"units\":2"), "misshapen: 1.weight"));
  CHECK(holds(refused(model_key, "LeakyReLU", "TurnedReLU"),
              "layer 2 (TurnedReLU): there is no layer of this name"));
  CHECK(holds(refused(model_key, "0.5", "0.25"),
              "with these weights the model gives another output than the one stored"));
  CHECK(holds(refused(model_key, "0.5", "1e300"), "should be a number of single precision"));
  CHECK(holds(refused(model_key, "0.5", "\"half\""), "should be a number, and is \"half\""));
  CHECK(holds(refused(model_key, "\"layers\":[", "\"layers\":[1,"), "layer 0: it has no type"));
  CHECK(holds(refused(model_key, "[2,2,1]", "[2,2,-1]"), "'input' should be a list of extents"));
  CHECK(holds(refused(model_key, "{", "{{"), "its nn.model is not JSON"));
  CHECK(holds(refused("nn.check.output", " ", " 1"), "gives another output"));
  // Options that no memory could hold what they ask for.
  for (const char* asks :
       {R"({"layer":"UpSample2D","factor":[32768,32768]})",
        R"({"layer":"MaxPool2D","window":[99999,2]})",
        R"({"layer":"Conv2D","filters":268435456,"kernel":[1,1]})",
        R"({"layer":"Conv2D","kernel":[3,3],"padding":[32768,32768,32768,32768]})",
        R"({"layer":"Reshape","shape":[268435456,268435456,268435456]})"}) {
    nn::SafetensorsFile file = good;
    file.metadata["nn.model"] = R"({"input":[2,2,1],"network":{"layer":"Sequential","layers":[)" +
                                std::string(asks) + "]}}";
    CAPTURE(asks);
    CHECK_THROWS_AS((void)nn::model_of<float>(file), nn::FileError);
  }
  nn::SafetensorsFile deep = good;
  deep.metadata["nn.model"] = std::string(100000, '[');
  CHECK(message_of([&] { (void)nn::model_of<float>(deep); }) == "it is nested too deeply");
  // Weights alone, as an earlier version or PyTorch saves them.
  nn::SafetensorsFile bare = good;
  for (const char* key : {"nn.format", "nn.model", "nn.about"}) bare.metadata.erase(key);
  CHECK(holds(message_of([&] { (void)nn::model_of<float>(bare); }),
              "it does not hold its network, but at most weights"));
  CHECK(nn::info_of(bare).class_names.empty());
  nn::Model again(model.network(), {2, 2, 1});
  nn::from_safetensors(again, bare);
  CHECK(
      std::equal(again.parameters().begin(), again.parameters().end(), model.parameters().begin()));
}

TEST_CASE("model files: whatever is changed in them, they are read or refused") {
  const nn::Model model(
      nn::sequential(nn::Conv2D{.filters = 2, .kernel = 2, .padding = 1}, nn::BatchNorm{},
                     nn::residual(nn::ReLU{}), nn::concat(nn::Identity{}, nn::MaxPool2D{1}),
                     nn::Clip{}, nn::UpSample2D{}, nn::Flatten{}, nn::Dense{2}),
      {3, 3, 1}, {.seed = 4});
  const nn::SafetensorsFile good =
      nn::to_safetensors(model, {.about = {.class_names = {"a", "b"}}});
  const nn::detail::ArchitectureLimits limits{.sample = 4096, .layers = 50, .nesting = 10};
  const std::string some = "0123456789-.,:[]{}\"eainstruflx";
  nn::Random random(11);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    nn::SafetensorsFile file = good;
    std::string& text = file.metadata[round % 4 == 0 ? "nn.about" : "nn.model"];
    for (auto changes = 1 + random.below(3); changes > 0; --changes) {
      const auto place = static_cast<std::size_t>(random.below(static_cast<Index>(text.size())));
      const char letter =
          some[static_cast<std::size_t>(random.below(static_cast<Index>(some.size())))];
      const auto way = random.below(3);
      if (way == 0) text[place] = letter;
      if (way == 1) text.insert(place, 1, letter);
      if (way == 2) text.erase(place, 1 + static_cast<std::size_t>(random.below(8)));
    }
    try {
      (void)nn::info_of(file);
      (void)nn::detail::model_of<float>(file, limits);
    } catch (const nn::Error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK(refused < 2000);
}

TEST_CASE("model files: a message names the file") {
  const auto path = std::filesystem::temp_directory_path() /
                    nn::detail::temporary_beside("nn_model_file").filename();
  nn::save(nn::Model(nn::sequential(nn::Dense{3}), {2}), path);
  CHECK(nn::load_model(path).output_shape() == Shape{3});
  CHECK(nn::load_model_info(path).metrics.empty());
  nn::SafetensorsFile file = nn::SafetensorsFile::read(path);
  file.metadata["nn.format"] = "9";
  file.write(path);
  CHECK(holds(message_of([&] { (void)nn::load_model(path); }),
              "cannot load " + path.string() + ": it is of format 9"));
  std::filesystem::remove(path);
}

}  // namespace model_file_test
