/// @file
/// How a matrix enters a product.
#pragma once

namespace nn {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Transpose { no, yes };

}  // namespace nn
