/// @file
/// The transposed convolution.
#pragma once

#include "nn/kernels/convolution.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/pieces.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// The transpose of the convolution that `Conv2D` computes: every input pixel adds a multiple of
/// the kernel to the output, `stride` pixels after its neighbour's; so it enlarges images by the
/// stride. An explicit padding takes as many rows and columns off the output as it would add to the
/// convolution's input:
///
///     output = (input - 1) * stride - padding (both sides) + span of the kernel + output_padding;
///
/// `Padding::same()` makes it input * stride. `output_padding`, smaller than the stride, adds rows
/// below and columns on the right, which tells apart the sizes that a convolution of that stride
/// would map to the same.
///
/// Weights are KH x KW x (filters / groups) x channels, which are those of the convolution that
/// maps this layer's output back to its input: so one kernel serves both, and `ConvTranspose2D` is
/// the transpose of a `Conv2D` with the same weights. An initialiser's fan-in is counted from this
/// layer's point of view, KH * KW * channels.
struct ConvTranspose2D {
  Index filters = 1;                       ///< channels of the output
  Extent2D kernel = 3;                     ///< rows and columns of the window
  Extent2D stride = 1;                     ///< rows and columns of the output for one of the input
  Extent2D dilation = 1;                   ///< rows and columns from one tap to the next
  Index groups = 1;                        ///< each with its own channels and filters
  Padding padding = 0;                     ///< rows and columns removed around the output
  Extent2D output_padding = 0;             ///< more rows and columns, below and to the right
  bool bias = true;                        ///< whether to learn an offset for each filter
  Initializer initializer = he_uniform();  ///< of the weights
  Initializer bias_initializer = zeros();  ///< of the offsets

  [[nodiscard]] std::string name() const {
    std::string text = detail::text(
        "ConvTranspose2D{", filters, ", ", kernel, detail::ExtentOption{"stride", stride},
        detail::ExtentOption{"dilation", dilation}, detail::PaddingOption{padding},
        detail::ExtentOption{"output padding", output_padding, 0});
    if (groups != 1) text += detail::text(", groups ", groups);
    return text + "}";
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("ConvTranspose2D");
    fields.shown("filters", filters);
    fields.shown("kernel", kernel);
    fields.shown("stride", stride);
    fields.shown("dilation", dilation);
    fields.shown("groups", groups);
    fields.shown("padding", padding);
    fields.shown("output_padding", output_padding);
    fields.shown("bias", bias);
    fields("initializer", initializer);
    fields("bias_initializer", bias_initializer);
  }

  /// @throws ShapeError when the input is no image, nothing is left of the output, or the channels
  /// cannot be divided into the groups.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    const ConvolutionGeometry g = geometry(input);
    return {g.height, g.width, filters};
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    Initializer weights = initializer;
    if (initializer.fan == Initializer::Fan::in) weights.fan = Initializer::Fan::out;
    if (initializer.fan == Initializer::Fan::out) weights.fan = Initializer::Fan::in;
    std::vector<Variable> variables{
        {.name = "weight",
         .shape = {kernel.height, kernel.width, filters / groups, input.back()},
         .initializer = weights,
         .axes = Axes::transposed_convolution}};
    if (bias) variables.push_back({"bias", {filters}, bias_initializer, false});
    return variables;
  }

  /// Those that fall off the output included.
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
    Index scratch = convolution_scratch_bytes<T>(g, ConvolutionPass::backward_data);
    if (training) {
      for (const auto pass : {ConvolutionPass::forward, ConvolutionPass::backward_weights}) {
        scratch = std::max(scratch, convolution_scratch_bytes<T>(g, pass));
      }
    }
    return plan.keeps_packed_weights ? Memory{.kept = scratch} : Memory{.scratch = scratch};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Epilogue<T> epilogue{context.bias(), context.activation};
    context.computed(ConvolutionPass::forward,
                     convolution_backward_data(geometry(context, x.shape().front()), x.data(),
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
                              geometry(part, inputs.shape().front()), slopes.data(), inputs.data(),
                              part.gradient(0).data(), part.accumulate, part.scratch));
            if (bias) {
              sum_rows(slopes.size() / filters, filters, slopes.data(), filters,
                       part.gradient(1).data(), part.accumulate);
            }
          });
    }
    if (context.wants_input_gradient) {
      context.computed(ConvolutionPass::backward_data,
                       convolution_forward(geometry(context, x.shape().front()), dy.data(),
                                           context.parameter(0).data(), dx.data(), Epilogue<T>{},
                                           context.scratch));
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

  /// One axis of the output, and the padding of the convolution that maps it back.
  struct Axis {
    Index extent;
    Index before;
    Index after;
  };
  [[nodiscard]] constexpr Axis axis(Index inputs, Index taps, Index step, Index gap, Index before,
                                    Index after, Index extra) const {
    const Index span = detail::span_of(taps, gap);
    if (padding.is_same) {
      const Index excess = std::max<Index>(span - step, 0);
      return {inputs * step, excess / 2, excess - excess / 2};
    }
    return {(inputs - 1) * step - before - after + span + extra, before, after};
  }

  /// The convolution that this layer is the transpose of: its input is our output.
  [[nodiscard]] constexpr ConvolutionGeometry geometry(const Shape& input, Index batch = 1) const {
    detail::require_image(input);
    detail::require_positive("kernel", kernel);
    detail::require_positive("stride", stride);
    detail::require_positive("dilation", dilation);
    detail::require_padding(padding);
    require<ShapeError>(output_padding.height >= 0 && output_padding.height < stride.height &&
                            output_padding.width >= 0 && output_padding.width < stride.width,
                        "the output padding ", output_padding, " must be smaller than the stride ",
                        stride);
    require<ShapeError>(!padding.is_same || output_padding == Extent2D{0},
                        "an output padding goes with an explicit padding, not with 'same'");
    require<ShapeError>(filters > 0, "the number of filters must be positive, got ", filters);
    require<ShapeError>(groups > 0 && input[2] % groups == 0 && filters % groups == 0, input[2],
                        " channels and ", filters, " filters cannot be divided into ", groups,
                        " groups");
    const Axis rows = axis(input[0], kernel.height, stride.height, dilation.height, padding.top,
                           padding.bottom, output_padding.height);
    const Axis columns = axis(input[1], kernel.width, stride.width, dilation.width, padding.left,
                              padding.right, output_padding.width);
    require<ShapeError>(rows.extent > 0 && columns.extent > 0, "of the image ", input,
                        " the padding ", padding, " leaves nothing");
    return {.batch = batch,
            .height = rows.extent,
            .width = columns.extent,
            .channels = filters,
            .filters = input[2],
            .kernel_height = kernel.height,
            .kernel_width = kernel.width,
            .stride_height = stride.height,
            .stride_width = stride.width,
            .dilation_height = dilation.height,
            .dilation_width = dilation.width,
            .groups = groups,
            .pad_top = rows.before,
            .pad_bottom = rows.after,
            .pad_left = columns.before,
            .pad_right = columns.after};
  }
};

}  // namespace nn
