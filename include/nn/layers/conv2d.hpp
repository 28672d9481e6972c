/// @file
/// The two-dimensional convolution.
#pragma once

#include "nn/kernels/convolution.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/pieces.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// The convolution (in the field's sense: a cross-correlation) of images of height x width x
/// channels with `filters` kernels:
///
///     y(oy, ox, f) = b(f) + sum over ky, kx, c of x(oy * stride + ky * dilation - padding, ..., c)
///                                                 * w(ky, kx, c, f)
///
/// Weights are KH x KW x (channels / groups) x filters. With several groups, filters and channels
/// are divided into as many equal parts, and each part of the filters reads its part of the
/// channels only; `groups` equal to the channels is a depthwise convolution.
struct Conv2D {
  Index filters = 1;                       ///< channels of the output
  Extent2D kernel = 3;                     ///< rows and columns of the window
  Extent2D stride = 1;                     ///< rows and columns from one window to the next
  Extent2D dilation = 1;                   ///< rows and columns from one tap to the next
  Index groups = 1;                        ///< each with its own channels and filters
  Padding padding = 0;                     ///< zeros around the image
  bool bias = true;                        ///< whether to learn an offset for each filter
  Initializer initializer = he_uniform();  ///< of the weights
  Initializer bias_initializer = zeros();  ///< of the offsets

  [[nodiscard]] std::string name() const {
    std::string text =
        detail::text("Conv2D{", filters, ", ", kernel, detail::ExtentOption{"stride", stride},
                     detail::ExtentOption{"dilation", dilation}, detail::PaddingOption{padding});
    if (groups != 1) text += detail::text(", groups ", groups);
    return text + "}";
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Conv2D");
    fields.shown("filters", filters);
    fields.shown("kernel", kernel);
    fields.shown("stride", stride);
    fields.shown("dilation", dilation);
    fields.shown("groups", groups);
    fields.shown("padding", padding);
    fields.shown("bias", bias);
    fields("initializer", initializer);
    fields("bias_initializer", bias_initializer);
  }

  /// @throws ShapeError when the input is no image, the kernel does not fit into it, or its
  /// channels cannot be divided into the groups.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    const ConvolutionGeometry g = geometry(input);
    return {g.output_height(), g.output_width(), filters};
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    const Index channels = input.back() / groups;
    std::vector<Variable> variables{{.name = "weight",
                                     .shape = {kernel.height, kernel.width, channels, filters},
                                     .initializer = initializer,
                                     .axes = Axes::convolution}};
    if (bias) variables.push_back({"bias", {filters}, bias_initializer, false});
    return variables;
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const {
    return geometry(input).multiply_adds();
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {
        .reads_output = false, .fuses_activation = true, .whole_batch = true, .is_product = true};
  }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    ConvolutionGeometry g = geometry(plan.input, batch);
    g.keeps_weights = plan.keeps_packed_weights;
    Index scratch = convolution_scratch_bytes<T>(g, ConvolutionPass::forward);
    if (training) {
      for (const auto pass : {ConvolutionPass::backward_data, ConvolutionPass::backward_weights}) {
        scratch = std::max(scratch, convolution_scratch_bytes<T>(g, pass));
      }
    }
    return plan.keeps_packed_weights ? Memory{.kept = scratch} : Memory{.scratch = scratch};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Epilogue<T> epilogue{context.bias(), context.activation};
    context.computed(ConvolutionPass::forward,
                     convolution_forward(geometry(context, x.shape().front()), x.data(),
                                         context.parameter(0).data(), y.data(), epilogue,
                                         context.product_scratch()));
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (context.wants_gradients()) {
      detail::sum_over_samples(
          context, x, dy, [&](const Context<T>& part, auto inputs, auto slopes) {
            part.computed(ConvolutionPass::backward_weights,
                          convolution_backward_weights(
                              geometry(part, inputs.shape().front()), inputs.data(), slopes.data(),
                              part.gradient(0).data(), part.accumulate, part.scratch));
            if (bias) {
              sum_rows(slopes.size() / filters, filters, slopes.data(), filters,
                       part.gradient(1).data(), part.accumulate);
            }
          });
    }
    if (context.wants_input_gradient) {
      context.computed(ConvolutionPass::backward_data,
                       convolution_backward_data(geometry(context, x.shape().front()), dy.data(),
                                                 context.parameter(0).data(), dx.data(),
                                                 Epilogue<T>{}, context.scratch));
    }
  }

 private:
  template <class T>
  [[nodiscard]] ConvolutionGeometry geometry(const Context<T>& context, Index batch) const {
    ConvolutionGeometry g = geometry(context.plan->input, batch);
    g.chosen_for = context.chosen_for();
    g.keeps_weights = context.plan->keeps_packed_weights;
    return g;
  }
  [[nodiscard]] constexpr ConvolutionGeometry geometry(const Shape& input, Index batch = 1) const {
    ConvolutionGeometry g = detail::place_windows(input, kernel, stride, dilation, padding);
    require<ShapeError>(filters > 0, "the number of filters must be positive, got ", filters);
    require<ShapeError>(groups > 0 && g.channels % groups == 0 && filters % groups == 0, g.channels,
                        " channels and ", filters, " filters cannot be divided into ", groups,
                        " groups");
    g.batch = batch;
    g.filters = filters;
    g.groups = groups;
    return g;
  }
};

}  // namespace nn
