// Random layers, losses and optimizers here and in PyTorch; see check_pytorch.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iomanip>
#include <locale>
#include <sstream>
#include <type_traits>

#include "data_files.hpp"
#include "nn/io/safetensors.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/adaptive_pooling.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/bidirectional.hpp"
#include "nn/layers/bilinear.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/gated_linear_unit.hpp"
#include "nn/layers/group_norm.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/hard_swish.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/lstm.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/mish.hpp"
#include "nn/layers/pixel_shuffle.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/positions.hpp"
#include "nn/layers/prelu.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/rms_norm.hpp"
#include "nn/layers/softmax.hpp"
#include "nn/layers/swap_axes.hpp"
#include "nn/layers/transformer.hpp"
#include "nn/layers/upsample2d.hpp"
#include "nn/losses/contrastive.hpp"
#include "nn/losses/ctc.hpp"
#include "nn/losses/focal.hpp"
#include "nn/losses/hinge.hpp"
#include "nn/losses/info_nce.hpp"
#include "nn/losses/kullback_leibler.hpp"
#include "nn/losses/regression.hpp"
#include "nn/losses/sigmoid_cross_entropy.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adagrad.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/optim/rms_prop.hpp"
#include "nn/optim/sgd.hpp"
#include "toy_model.hpp"

namespace pytorch_random_test {

namespace {

using nn::AnyLayer;
using nn::Extent2D;
using nn::Index;
using nn::Padding;
using nn::Shape;
using nn::Tensor;

/// An expression in Python: a number in all its digits, a pair, a truth.
std::string python(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << std::setprecision(17) << value;
  return text.str();
}
std::string python(Index value) { return std::to_string(value); }
std::string python(bool value) { return value ? "True" : "False"; }
std::string python(char value) { return {value}; }
std::string python(const char* value) { return value; }
std::string python(const std::string& value) { return value; }
std::string python(const Extent2D& pair) {
  return '(' + python(pair.height) + ',' + python(pair.width) + ')';
}

template <class... Parts>
std::string expression(const Parts&... parts) {
  return (python(parts) + ...);
}

/// `what` with so much around it, as F.pad counts: left, right, top, bottom.
std::string padded(const std::string& what, const Padding& p, const char* value = "0") {
  return expression("F.pad(", what, ",(", p.left, ',', p.right, ',', p.top, ',', p.bottom,
                    "),value=", value, ")");
}

class Cases {
 public:
  Tensor<double> random_tensor(const Shape& shape, double deviation = 1) {
    Tensor<double> tensor(shape);
    for (double& value : tensor) value = random_.normal(0, deviation);
    return tensor;
  }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[random_.below(static_cast<Index>(values.size()))];
  }
  bool flip() { return random_.bernoulli(0.5); }
  Index between(Index low, Index high) { return low + random_.below(high - low + 1); }
  Extent2D extent(Index low, Index high) { return {between(low, high), between(low, high)}; }
  Shape image(Index channels) { return {between(5, 12), between(5, 12), channels}; }
  /// Below an extent on every side.
  Padding padding(const Extent2D& below) {
    return {between(0, below.height - 1), between(0, below.height - 1), between(0, below.width - 1),
            between(0, below.width - 1)};
  }

  void put(const char* kind, const std::string& text) {
    lines_ += std::string(kind) + '\t' + text + '\n';
    ++count_;
  }
  void put(const std::string& name, nn::TensorView<const double> values) {
    file_.put(std::to_string(count_) + '.' + name, values);
  }

  /// A training pass of a layer with random parameters and statistics, which PyTorch's expression
  /// calls by `names`.
  void layer(const AnyLayer& layer, const Shape& input, const std::string& text,
             bool channels_first = true, const nn::LayerNames& names = {},
             const std::function<void(Tensor<double>&)>& change = {}) {
    nn::Model<AnyLayer, double> model(layer, input, {.seed = 1});
    for (double& value : model.parameters()) value += random_.normal(0, 0.3);
    for (double& value : model.state()) value += random_.uniform(0, 1);
    const auto variables =
        nn::detail::stored_variables(model.plan(), nn::WeightLayout::pytorch, names);
    const auto put_all = [&](const std::string& when, const double* parameters) {
      const auto stored = nn::detail::file_of<double>(variables, parameters, model.state().data());
      for (const auto& [name, tensor] : stored.tensors()) {
        file_.put(std::to_string(count_) + '.' + when + name, tensor);
      }
    };
    put_all("before.", model.parameters().data());
    auto x = random_tensor(input.prepended(between(1, 4)));
    if (change) change(x);
    put("x", x);
    const Tensor<double> y(model.forward(x));
    put("y", y);
    const auto dy = random_tensor(y.shape());
    put("dy", dy);
    put("dx", model.backward(dy, {.input_gradient = true}));
    put_all("after.", model.gradients().data());
    put(input.rank() == 3 && channels_first ? "image" : "plain", text);
  }

  template <class Loss, class Wanted>
  void loss(const Loss& loss, const Tensor<double>& outputs, const Tensor<Wanted>& wanted,
            const std::string& text) {
    Tensor<double> targets(wanted.shape());
    std::transform(wanted.begin(), wanted.end(), targets.begin(),
                   [](Wanted value) { return static_cast<double>(value); });
    const auto result = nn::value_and_gradient(loss, outputs, wanted);
    put("x", outputs);
    put("t", targets);
    put("y", Tensor<double>({1}, {result.value}));
    put("dx", result.gradient);
    put("loss", text);
  }

  /// Eight steps.
  template <class Rule>
  void rule(const Rule& rule, const std::string& text) {
    ToyModel<double> model({between(1, 40)});
    const Shape shape = model.parameters().shape();
    const auto start = random_tensor(shape);
    const auto gradients = random_tensor(shape.prepended(8));
    std::copy(start.begin(), start.end(), model.parameters().begin());
    nn::Optimizer optimizer(model, rule);
    for (Index step = 0; step < 8; ++step) {
      std::copy_n(gradients.data() + step * shape.size(), shape.size(), model.gradients().begin());
      optimizer.step(model);
    }
    put("x", start);
    put("dy", gradients);
    put("y", model.parameters());
    put("rule", text);
  }

  void write(const std::filesystem::path& folder) const {
    file_.write(folder / "cases.safetensors");
    std::ofstream(folder / "cases.txt") << lines_;
  }
  [[nodiscard]] Index count() const { return count_; }

 private:
  nn::Random random_{18};
  nn::SafetensorsFile file_;
  std::string lines_;
  Index count_ = 0;
};

void put_convolution(Cases& c) {
  const Index groups = c.pick<Index>({1, 1, 2, 3, 8});
  const nn::Conv2D conv{.filters = groups * c.between(1, 5),
                        .kernel = c.extent(1, 4),
                        .stride = c.extent(1, 3),
                        .dilation = c.flip() ? c.extent(1, 2) : Extent2D{1},
                        .groups = groups,
                        .padding = c.padding(4),
                        .bias = c.flip()};
  const Shape input = {c.between(7, 12), c.between(7, 12), groups * c.between(1, 4)};
  c.layer(
      conv, input,
      expression("F.conv2d(", padded("x", conv.padding), ",weight,", conv.bias ? "bias" : "None",
                 ",stride=", conv.stride, ",dilation=", conv.dilation, ",groups=", groups, ")"));
}

void put_transposed(Cases& c) {
  const Index groups = c.pick<Index>({1, 1, 2, 3});
  const Extent2D stride = c.extent(1, 3);
  const Extent2D pad = c.extent(0, 2);
  const nn::ConvTranspose2D conv{
      .filters = groups * c.between(1, 5),
      .kernel = c.extent(1, 4),
      .stride = stride,
      .dilation = c.flip() ? c.extent(1, 2) : Extent2D{1},
      .groups = groups,
      .padding = {pad.height, pad.width},
      .output_padding = {c.between(0, stride.height - 1), c.between(0, stride.width - 1)},
      .bias = c.flip()};
  c.layer(conv, c.image(groups * c.between(1, 4)),
          expression("F.conv_transpose2d(x,weight,", conv.bias ? "bias" : "None",
                     ",stride=", stride, ",padding=", pad, ",output_padding=", conv.output_padding,
                     ",groups=", groups, ",dilation=", conv.dilation, ")"));
}

void put_pooling(Cases& c) {
  const Extent2D window = c.extent(1, 4);
  const Extent2D stride = c.extent(1, 3);
  const Padding padding = c.padding(window);
  const std::string view = expression(",", window, ",stride=", stride, ")");
  const Shape input = c.image(c.between(1, 19));
  c.layer(nn::MaxPool2D{window, stride, padding}, input,
          "F.max_pool2d(" + padded("x", padding, "-float('inf')") + view);
  const std::string mean = "F.avg_pool2d(" + padded("x", padding) + view;
  const bool count_padding = c.flip();
  c.layer(nn::AveragePool2D{window, stride, padding, count_padding}, input,
          count_padding ? mean
                        : mean + "/F.avg_pool2d(" + padded("torch.ones_like(x)", padding) + view);
  const Extent2D output = c.extent(1, 13);  // also larger than the image
  c.layer(nn::AdaptiveAveragePool2D{output}, input,
          expression("F.adaptive_avg_pool2d(x,", output, ")"));
  c.layer(nn::AdaptiveMaxPool2D{output}, input,
          expression("F.adaptive_max_pool2d(x,", output, ")"));
  c.layer(nn::GlobalMaxPool2D{}, input, "x.amax((1,2))", false);
}

void put_flat(Cases& c) {
  const bool bias = c.flip();
  c.layer(nn::Dense{.units = c.between(1, 70), .bias = bias}, {c.between(1, 90)},
          expression("F.linear(x,weight,", bias ? "bias" : "None", ")"));
  const bool scale = c.flip();
  const bool shift = c.flip();
  const std::string learned =
      expression(scale ? "weight" : "None", ",", shift ? "bias" : "None", ",");
  const float epsilon = c.pick({1e-5F, 1e-2F});
  const Index channels = c.between(2, 40);
  const Shape input = c.flip() ? c.image(channels) : Shape{channels};
  c.layer(
      nn::LayerNorm{scale, shift, epsilon}, input,
      expression("F.layer_norm(x,(", channels, ",),", learned, static_cast<double>(epsilon), ")"),
      false);
  c.layer(nn::RMSNorm{scale, epsilon}, input,
          expression("x/torch.sqrt((x*x).mean(-1,keepdim=True)+", static_cast<double>(epsilon), ")",
                     scale ? "*weight" : ""),
          false);
  const Index groups = c.between(1, 4);
  c.layer(nn::GroupNorm{groups, scale, shift, epsilon}, c.image(groups * c.between(1, 30)),
          // The backward pass of PyTorch 1.13's own fails with a bias and no weight.
          !scale && shift ? expression("F.group_norm(x,", groups,
                                       ",eps=", static_cast<double>(epsilon), ")+bias[:,None,None]")
                          : expression("F.group_norm(x,", groups, ",", learned,
                                       static_cast<double>(epsilon), ")"));
  // By its formula: the backward pass of PyTorch 1.13's own fails without a weight or a bias.
  c.layer(nn::InstanceNorm{scale, shift, epsilon}, c.image(channels),
          expression("(x-x.mean((2,3),keepdim=True))/torch.sqrt(x.var((2,3),unbiased=False,",
                     "keepdim=True)+", static_cast<double>(epsilon), ")",
                     scale ? "*weight[:,None,None]" : "", shift ? "+bias[:,None,None]" : ""));
  const float momentum = c.pick({0.1F, 0.5F});
  c.layer(nn::BatchNorm{scale, shift, momentum, epsilon}, c.image(channels),
          expression("F.batch_norm(x,running_mean,running_var,", learned, "True,",
                     static_cast<double>(momentum), ",", static_cast<double>(epsilon), ")"));
}

template <class Layer>
void put_recurrent(Cases& c) {
  const bool both = c.flip();
  const bool sequence = c.flip();
  const bool reverse = !both && c.flip();
  const bool bias = c.flip();
  const Layer layer{
      .units = c.between(1, 40), .return_sequence = sequence, .reverse = reverse, .bias = bias};
  std::string weights;
  for (const std::string suffix : {"_l0", "_l0_reverse"}) {
    if (!both && reverse != (suffix != "_l0")) continue;
    weights += "weight_ih" + suffix + ",weight_hh" + suffix + ',';
    if (bias) weights += "bias_ih" + suffix + ",bias_hh" + suffix + ',';
  }
  const std::string zeros =
      expression("x.new_zeros(", Index{both ? 2 : 1}, ",x.shape[0],", layer.units, ")");
  const std::string flip = reverse ? ".flip(1)" : "";
  const std::string start = std::is_same_v<Layer, nn::LSTM>
                                ? "torch.lstm(x" + flip + ",(" + zeros + "," + zeros + ")"
                                : "torch.gru(x" + flip + "," + zeros;
  const std::string run =
      expression(start, ",[", weights, "],", bias, ",1,0.0,True,", both, ",True)");
  const std::string text = sequence ? run + "[0]" + flip : "torch.cat(tuple(" + run + "[1]),-1)";
  const Shape input{c.between(1, 12), c.between(1, 30)};
  if (both) {
    c.layer(nn::bidirectional(layer), input, text, false, {{"0", ""}, {"1", ""}});
  } else {
    c.layer(layer, input, text, false);
  }
}

void put_activations(Cases& c) {
  const Shape input = c.flip() ? c.image(c.between(1, 9)) : Shape{c.between(1, 90)};
  const float slope = c.pick({0.01F, 0.2F, 1.0F});
  const std::string written = python(static_cast<double>(slope));
  c.layer(nn::ReLU{}, input, "F.relu(x)");
  c.layer(nn::LeakyReLU{slope}, input, "F.leaky_relu(x," + written + ")");
  c.layer(nn::ELU{slope}, input, "F.elu(x," + written + ")");
  c.layer(nn::SELU{}, input, "F.selu(x)");
  c.layer(nn::Sigmoid{}, input, "torch.sigmoid(x)");
  c.layer(nn::Tanh{}, input, "torch.tanh(x)");
  c.layer(nn::Softplus{}, input, "-F.logsigmoid(-x)");  // F.softplus is linear from 20 on
  c.layer(nn::SiLU{}, input, "F.silu(x)");
  c.layer(nn::Mish{}, input, "F.mish(x)");
  c.layer(nn::HardSwish{}, input, "F.hardswish(x)");
  c.layer(nn::GELU{}, input, "F.gelu(x)");
  c.layer(nn::GELU{true}, input, "F.gelu(x,approximate='tanh')");
  c.layer(nn::Softmax{}, input, "torch.softmax(x,-1)", false);
  c.layer(nn::LogSoftmax{}, input, "torch.log_softmax(x,-1)", false);
  c.layer(nn::PReLU{.per_channel = c.flip(), .slope = slope}, input, "F.prelu(x,weight)");
  const Extent2D factor = c.extent(1, 3);
  c.layer(nn::UpSample2D{factor}, c.image(c.between(1, 9)),
          expression("F.interpolate(x,scale_factor=", factor, ",mode='nearest')"));
  const bool align_corners = c.flip();
  c.layer(nn::BilinearUpSample2D{factor, align_corners}, c.image(c.between(1, 9)),
          expression("F.interpolate(x,scale_factor=", factor,
                     ",mode='bilinear',align_corners=", align_corners, ")"));
  const Index square = c.between(1, 3);
  c.layer(nn::PixelShuffle{square}, c.image(square * square * c.between(1, 4)),
          expression("F.pixel_shuffle(x,", square, ")"));
  const Index halves = 2 * c.between(1, 20);
  const Shape gated = c.flip() ? c.image(halves) : Shape{halves};
  c.layer(nn::GatedLinearUnit{}, gated, "F.glu(x,1)");
  c.layer(nn::GatedLinearUnit{true}, gated, "x.chunk(2,1)[0]*F.silu(x.chunk(2,1)[1])");
}

void put_sequences(Cases& c) {
  const Index heads = c.between(1, 4);
  const Index features = heads * c.between(1, 6);
  const Index steps = c.pick<Index>({c.between(2, 12), c.between(60, 140)});
  const Shape input = {steps, features};
  const Index tokens = c.between(1, 9);
  c.layer(nn::Embedding{tokens, features}, {steps},
          "F.embedding(x.detach().long(),weight)+0*x.sum()", false, {}, [&](Tensor<double>& x) {
            for (double& value : x) value = static_cast<double>(c.between(0, tokens - 1));
          });
  c.layer(nn::LearnedPositions{}, input, "x+weight", false);
  c.layer(nn::SwapAxes{}, input, "x.transpose(1,2)", false);
  const bool bias = c.flip();
  c.layer(nn::Dense{.units = c.between(1, 70), .bias = bias}, input,
          expression("F.linear(x,weight,", bias ? "bias" : "None", ")"), false);
  const bool causal = c.flip();
  c.layer(nn::MultiHeadAttention{.heads = heads, .causal = causal, .bias = bias}, input,
          expression("attention(x,p,", heads, ",causal=", causal, ")"), false);
  const Index queries = c.between(1, steps - 1);
  c.layer(nn::MultiHeadAttention{.heads = heads, .bias = bias, .queries = queries}, input,
          expression("attention(x,p,", heads, ",queries=", queries, ")"), false);
  c.layer(AnyLayer(nn::masked(0, nn::MultiHeadAttention{.heads = heads, .causal = causal})), input,
          expression("attention(x,p,", heads, ",causal=", causal, ",at='0.',padded=True)"), false,
          {}, [&](Tensor<double>& x) {
            for (Index sample = 0; sample < x.shape()[0]; ++sample) {
              const Index length = c.between(1, steps);
              std::fill(x.data() + (sample * steps + length) * features,
                        x.data() + (sample + 1) * steps * features, 0.0);
            }
          });
  const nn::TransformerBlock block{
      .features = features, .heads = heads, .hidden = c.between(1, 30)};
  const std::string call = expression("transformer(x,p,", heads, ",", block.hidden, ",",
                                      static_cast<double>(nn::LayerNorm{}.epsilon), ",");
  c.layer(AnyLayer(nn::transformer_block(block)), input, call + "True)", false);
  c.layer(AnyLayer(nn::transformer_block<nn::Norm::after>(block)), input, call + "False)", false);
}

void put_losses(Cases& c) {
  const Index rows = c.between(1, 20);
  const Index classes = c.between(2, 12);
  const auto outputs = c.random_tensor({rows, classes}, 3);
  const auto targets = c.random_tensor({rows, classes});
  Tensor<double> shares(targets.shape());
  Tensor<double> signs(targets.shape());
  for (Index i = 0; i < targets.size(); ++i) {
    shares[i] = 1 / (1 + std::exp(-targets[i]));
    signs[i] = targets[i] < 0 ? -1 : 1;
  }
  Tensor<nn::Label> labels({rows});
  for (nn::Label& label : labels) label = static_cast<nn::Label>(c.between(0, classes - 1));
  const double smoothing = c.pick({0.0, 0.1, 0.5});
  c.loss(nn::SoftmaxCrossEntropy{.label_smoothing = smoothing}, outputs, labels,
         expression("F.cross_entropy(x,t.long(),label_smoothing=", smoothing, ")"));
  c.loss(nn::SigmoidCrossEntropy{}, outputs, shares, "F.binary_cross_entropy_with_logits(x,t)");
  c.loss(nn::MeanSquaredError{}, outputs, targets, "F.mse_loss(x,t)");
  c.loss(nn::MeanAbsoluteError{}, outputs, targets, "F.l1_loss(x,t)");
  const double width = c.pick({0.5, 1.0, 2.5});
  c.loss(nn::Huber{width}, outputs, targets, expression("F.huber_loss(x,t,delta=", width, ")"));
  c.loss(nn::Hinge{width}, outputs, signs, expression("F.relu(", width, "-t*x).mean()"));
  c.loss(nn::Hinge{width}, outputs, labels,
         expression("F.relu(", width, "+(x-1e9*F.one_hot(t.long(),", classes,
                    ")).max(1).values-x.gather(1,t.long()[:,None])[:,0]).mean()"));
}

void put_losses_of_logits(Cases& c) {
  const Index rows = c.between(2, 20);
  const auto outputs = c.random_tensor({rows, c.between(2, 12)}, 3);
  const auto other = c.random_tensor(outputs.shape());
  Tensor<double> shares(outputs.shape());
  for (Index i = 0; i < other.size(); ++i) shares[i] = 1 / (1 + std::exp(-other[i]));
  const double temperature = c.pick({0.5, 1.0, 4.0});
  const std::string divergence =
      expression("*", temperature, "**2*F.kl_div((x/", temperature, ").log_softmax(-1),");
  c.loss(nn::KullbackLeibler{.temperature = temperature}, outputs, shares,
         "1" + divergence + "t,reduction='batchmean')");
  c.loss(nn::KullbackLeibler{.temperature = temperature, .logits = true}, outputs, other,
         "1" + divergence + expression("(t/", temperature, ").softmax(-1),reduction='batchmean')"));
  const double gamma = c.pick({0.0, 1.0, 2.5});
  const double alpha = c.pick({0.25, 0.5});
  c.loss(nn::Focal{gamma, alpha}, outputs, shares,
         expression("(F.binary_cross_entropy_with_logits(x,t,reduction='none')*(torch.sigmoid(x)+t"
                    "-2*t*torch.sigmoid(x))**",
                    gamma, "*(", alpha, "*t+(1-", alpha, ")*(1-t))).mean()"));
  c.loss(nn::InfoNCE{temperature}, outputs, other,
         expression("F.cross_entropy(F.normalize(x)@F.normalize(t).T/", temperature,
                    ",torch.arange(len(x)))"));
  Tensor<nn::Label> labels({rows});
  for (nn::Label& label : labels) label = static_cast<nn::Label>(c.between(0, 4));
  const double margin = c.pick({1.0, 5.0, 20.0});
  c.loss(nn::Contrastive{margin}, outputs, labels,
         expression("torch.where(torch.pdist(t[:,None])<0.5,torch.pdist(x)**2,F.relu(", margin,
                    "-torch.pdist(x))**2).mean()/2"));
}

void put_ctc(Cases& c) {
  const Index steps = c.between(2, 30);
  const Index classes = c.between(2, 9);
  const Index blank = c.between(0, classes - 1);
  const Index most = steps / 2;  // fits even if all are equal
  const Index samples = c.between(1, 6);
  Tensor<nn::Label> labels({samples, most}, -1);
  for (Index n = 0; n < samples; ++n) {
    const Index count = c.between(0, most);
    for (Index i = 0; i < count; ++i) {
      labels[n * most + i] = static_cast<nn::Label>((blank + c.between(1, classes - 1)) % classes);
    }
  }
  const bool per_label = c.flip();
  c.loss(nn::CTC{.blank = blank, .per_label = per_label},
         c.random_tensor({samples, steps, classes}, 2), labels,
         expression("F.ctc_loss(x.log_softmax(-1).transpose(0,1),t.long().clamp(min=0),"
                    "torch.full((len(x),),",
                    steps, "),(t>=0).sum(1),blank=", blank,
                    per_label ? ")" : ",reduction='sum')/len(x)"));
}

void put_rules(Cases& c) {
  const double rate = c.pick({0.5, 0.1, 1e-3});
  const double decay = c.pick({0.0, 0.01, 0.2});
  const double momentum = c.pick({0.0, 0.5, 0.9});
  const bool flag = c.flip();
  const std::string common = expression("([x],lr=", rate, ",weight_decay=", decay);
  c.rule(nn::SGD{.learning_rate = rate,
                 .momentum = momentum,
                 .nesterov = flag && momentum > 0,
                 .weight_decay = decay},
         expression("torch.optim.SGD", common, ",momentum=", momentum,
                    ",nesterov=", flag && momentum > 0, ")"));
  const double beta1 = c.pick({0.5, 0.9});
  const double beta2 = c.pick({0.9, 0.999});
  const double epsilon = c.pick({1e-8, 1e-3});
  const std::string betas = expression(",betas=(", beta1, ",", beta2, "),eps=", epsilon, ")");
  c.rule(nn::Adam{rate, beta1, beta2, epsilon, decay}, "torch.optim.Adam" + common + betas);
  c.rule(nn::AdamW{rate, beta1, beta2, epsilon, decay}, "torch.optim.AdamW" + common + betas);
  c.rule(nn::RMSProp{.learning_rate = rate,
                     .smoothing = beta2,
                     .epsilon = epsilon,
                     .momentum = momentum,
                     .centered = flag,
                     .weight_decay = decay},
         expression("torch.optim.RMSprop", common, ",alpha=", beta2, ",eps=", epsilon,
                    ",momentum=", momentum, ",centered=", flag, ")"));
  const double start = c.pick({0.0, 0.1});
  c.rule(nn::Adagrad{rate, beta1, start, epsilon, decay},
         expression("torch.optim.Adagrad", common, ",lr_decay=", beta1,
                    ",initial_accumulator_value=", start, ",eps=", epsilon, ")"));
}

/// The Python that has PyTorch; empty where none has.
std::string python_with_torch() {
  for (const char* name : {"/usr/bin/python3", "python3"}) {
    if (std::system((std::string(name) + " -c 'import torch' 2>/dev/null").c_str()) == 0) {
      return name;
    }
  }
  return "";
}

}  // namespace

TEST_CASE("random layers, losses and optimizers do what PyTorch's do") {
  Cases cases;
  for (int round = 0; round < 70; ++round) put_convolution(cases);
  for (int round = 0; round < 50; ++round) put_transposed(cases);
  for (int round = 0; round < 40; ++round) put_pooling(cases);
  for (int round = 0; round < 25; ++round) put_flat(cases);
  for (int round = 0; round < 20; ++round) {
    put_recurrent<nn::LSTM>(cases);
    put_recurrent<nn::GRU>(cases);
  }
  for (int round = 0; round < 6; ++round) put_activations(cases);
  for (int round = 0; round < 12; ++round) put_sequences(cases);
  for (int round = 0; round < 10; ++round) put_losses(cases);
  for (int round = 0; round < 15; ++round) put_rules(cases);
  for (int round = 0; round < 10; ++round) put_losses_of_logits(cases);
  for (int round = 0; round < 30; ++round) put_ctc(cases);
  CHECK(cases.count() > 400);
  const std::string interpreter = python_with_torch();
  if (interpreter.empty()) {
    MESSAGE("skipped, since it needs python3-torch: random cases against PyTorch");
    return;
  }
  const data_files::TemporaryFolder folder;
  cases.write(folder.path());
  const std::string command = interpreter + " '" +
                              (data_files::tests_folder / "check_pytorch.py").string() + "' '" +
                              folder.path().string() + "' >&2";
  CHECK(std::system(command.c_str()) == 0);
}

}  // namespace pytorch_random_test
