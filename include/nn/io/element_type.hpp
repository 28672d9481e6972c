/// @file
/// The number types that files of tensors use, and what they are in the library's.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "nn/core/eigen.hpp"
#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

/// How the elements of a tensor are stored: the types of the safetensors format that take whole
/// bytes and stand for one real number each.
enum class ElementType {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  i64,
  u64,
  f64
};

namespace detail {

struct ElementTypeFacts {
  ElementType type;
  std::string_view name;
  Index bytes;
};

inline constexpr std::array<ElementTypeFacts, 16> element_types{{
    {ElementType::boolean, "BOOL", 1},
    {ElementType::u8, "U8", 1},
    {ElementType::i8, "I8", 1},
    {ElementType::f8_e5m2, "F8_E5M2", 1},
    {ElementType::f8_e4m3, "F8_E4M3", 1},
    {ElementType::f8_e8m0, "F8_E8M0", 1},
    {ElementType::i16, "I16", 2},
    {ElementType::u16, "U16", 2},
    {ElementType::f16, "F16", 2},
    {ElementType::bf16, "BF16", 2},
    {ElementType::i32, "I32", 4},
    {ElementType::u32, "U32", 4},
    {ElementType::f32, "F32", 4},
    {ElementType::i64, "I64", 8},
    {ElementType::u64, "U64", 8},
    {ElementType::f64, "F64", 8},
}};

}  // namespace detail

/// The safetensors format's name of the type: "F32".
[[nodiscard]] constexpr std::string_view name_of(ElementType type) {
  return detail::element_types[static_cast<std::size_t>(type)].name;
}

/// The size of one element in a file.
[[nodiscard]] constexpr Index bytes_of(ElementType type) {
  return detail::element_types[static_cast<std::size_t>(type)].bytes;
}

/// The type called `name`, or nothing.
[[nodiscard]] constexpr std::optional<ElementType> element_type(std::string_view name) {
  for (const auto& facts : detail::element_types) {
    if (facts.name == name) return facts.type;
  }
  return std::nullopt;
}

/// The type that stores a `T` as it is.
template <class T>
[[nodiscard]] constexpr ElementType element_type_of() {
  if constexpr (std::is_same_v<T, bool>) return ElementType::boolean;
  if constexpr (std::is_same_v<T, float>) return ElementType::f32;
  if constexpr (std::is_same_v<T, double>) return ElementType::f64;
  if constexpr (std::is_same_v<T, std::uint8_t>) return ElementType::u8;
  if constexpr (std::is_same_v<T, std::int8_t>) return ElementType::i8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return ElementType::u16;
  if constexpr (std::is_same_v<T, std::int16_t>) return ElementType::i16;
  if constexpr (std::is_same_v<T, std::uint32_t>) return ElementType::u32;
  if constexpr (std::is_same_v<T, std::int32_t>) return ElementType::i32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return ElementType::u64;
  if constexpr (std::is_same_v<T, std::int64_t>) return ElementType::i64;
}

namespace detail {

[[nodiscard]] inline float from_f16(std::uint16_t bits) {
  return static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(bits));
}

/// The eight-bit floats of Micikevicius et al., "FP8 formats for deep learning", 2022.
[[nodiscard]] inline float from_e5m2(std::uint8_t bits) {
  return from_f16(static_cast<std::uint16_t>(bits << 8U));
}
[[nodiscard]] inline float from_e4m3(std::uint8_t bits) {
  const int exponent = (bits >> 3U) & 0xf;
  const int fraction = bits & 0x7;
  const float sign = (bits & 0x80U) != 0 ? -1.0F : 1.0F;
  if ((bits & 0x7fU) == 0x7fU) return std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -9);
  return sign * std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
}
/// A bare power of two, as the scale of a block of eight-bit floats.
[[nodiscard]] inline float from_e8m0(std::uint8_t bits) {
  if (bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0F, static_cast<int>(bits) - 127);
}

static_assert(std::endian::native == std::endian::little,
              "files of tensors are little-endian, and this reads them as they are");

/// Turns each stored `Raw` into a `T` by `convert`.
template <class Raw, class T, class Convert>
void decode_with(std::span<const char> bytes, T* out, const Convert& convert) {
  for (std::size_t offset = 0; offset < bytes.size(); offset += sizeof(Raw)) {
    Raw raw{};
    std::memcpy(&raw, bytes.data() + offset, sizeof(Raw));
    *out++ = static_cast<T>(convert(raw));
  }
}

/// Reads elements of type `type`, whole ones, into `out`, rounded to the nearest `T`.
template <class T>
void decode(ElementType type, std::span<const char> bytes, T* out) {
  static_assert(std::is_floating_point_v<T>);
  const auto same = [](auto value) { return value; };
  switch (type) {
    case ElementType::boolean:
      return decode_with<std::uint8_t>(bytes, out, [](std::uint8_t byte) { return byte != 0; });
    case ElementType::u8:
      return decode_with<std::uint8_t>(bytes, out, same);
    case ElementType::i8:
      return decode_with<std::int8_t>(bytes, out, same);
    case ElementType::f8_e5m2:
      return decode_with<std::uint8_t>(bytes, out, from_e5m2);
    case ElementType::f8_e4m3:
      return decode_with<std::uint8_t>(bytes, out, from_e4m3);
    case ElementType::f8_e8m0:
      return decode_with<std::uint8_t>(bytes, out, from_e8m0);
    case ElementType::i16:
      return decode_with<std::int16_t>(bytes, out, same);
    case ElementType::u16:
      return decode_with<std::uint16_t>(bytes, out, same);
    case ElementType::f16:
      return decode_with<std::uint16_t>(bytes, out, from_f16);
    case ElementType::bf16:
      return decode_with<std::uint16_t>(bytes, out, [](std::uint16_t bits) {
        return nn::detail::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
      });
    case ElementType::i32:
      return decode_with<std::int32_t>(bytes, out, same);
    case ElementType::u32:
      return decode_with<std::uint32_t>(bytes, out, same);
    case ElementType::f32:
      return decode_with<float>(bytes, out, same);
    case ElementType::i64:
      return decode_with<std::int64_t>(bytes, out, same);
    case ElementType::u64:
      return decode_with<std::uint64_t>(bytes, out, same);
    case ElementType::f64:
      return decode_with<double>(bytes, out, same);
  }
}

template <class Raw, class T, class Convert>
[[nodiscard]] std::string encode_with(std::span<const T> values, const Convert& convert) {
  std::string bytes(values.size() * sizeof(Raw), '\0');
  char* out = bytes.data();
  for (const T& value : values) {
    const Raw raw = convert(value);
    std::memcpy(out, &raw, sizeof(Raw));
    out += sizeof(Raw);
  }
  return bytes;
}

/// Writes floating-point values as `type`, rounded to the nearest.
/// @throws Error unless `type` is F64, F32, F16 or BF16.
template <class T>
[[nodiscard]] std::string encode(ElementType type, std::span<const T> values) {
  static_assert(std::is_floating_point_v<T>);
  switch (type) {
    case ElementType::f64:
      return encode_with<double>(values, [](T value) { return static_cast<double>(value); });
    case ElementType::f32:
      return encode_with<float>(values, [](T value) { return static_cast<float>(value); });
    case ElementType::f16:
      return encode_with<std::uint16_t>(values, [](T value) {
        return Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(static_cast<float>(value)));
      });
    case ElementType::bf16:
      return encode_with<std::uint16_t>(values, [](T value) {
        return Eigen::numext::bit_cast<std::uint16_t>(Eigen::bfloat16(static_cast<float>(value)));
      });
    default:
      throw Error(text("values can be stored as F64, F32, F16 or BF16, not as ", name_of(type)));
  }
}

}  // namespace detail

}  // namespace nn
