/// @file
/// Whole files in and out, under the names that pictures use.
#pragma once

#include "nn/core/file.hpp"

namespace nn::viz {

using nn::read_file;
using nn::write_file;

namespace detail {

using nn::detail::RemovedAtEnd;
using nn::detail::rename_into_place;
using nn::detail::require_writable_place;
using nn::detail::system_reason;
using nn::detail::temporary_beside;

}  // namespace detail

}  // namespace nn::viz
