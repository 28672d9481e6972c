/// @file
/// The bytes of a checkpoint's file: numbers in, numbers out, and a checksum.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "nn/core/error.hpp"

namespace nn {

namespace detail {

/// CRC-64/XZ (ECMA-182's polynomial, reflected), eight bytes at a time.
class Crc64 {
 public:
  [[nodiscard]] static std::uint64_t of(std::string_view bytes) {
    static const Tables tables = make_tables();
    std::uint64_t crc = ~std::uint64_t{0};
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
      std::uint64_t mixed = crc;
      for (unsigned b = 0; b < 8; ++b) mixed ^= byte(bytes, i + b) << (8 * b);
      crc = 0;
      for (unsigned b = 0; b < 8; ++b) crc ^= tables[7 - b][(mixed >> (8 * b)) & 0xffU];
    }
    for (; i < bytes.size(); ++i) {
      crc = tables[0][(crc ^ byte(bytes, i)) & 0xffU] ^ (crc >> 8U);
    }
    return ~crc;
  }

 private:
  using Tables = std::array<std::array<std::uint64_t, 256>, 8>;

  [[nodiscard]] static std::uint64_t byte(std::string_view bytes, std::size_t position) {
    return static_cast<unsigned char>(bytes[position]);
  }

  [[nodiscard]] static Tables make_tables() {
    Tables tables{};
    for (std::size_t value = 0; value < 256; ++value) {
      std::uint64_t crc = value;
      for (int bit = 0; bit < 8; ++bit) {
        crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xc96c5795d7870f42U : 0U);
      }
      tables[0][value] = crc;
    }
    for (std::size_t table = 1; table < 8; ++table) {
      for (std::size_t value = 0; value < 256; ++value) {
        const std::uint64_t before = tables[table - 1][value];
        tables[table][value] = tables[0][before & 0xffU] ^ (before >> 8U);
      }
    }
    return tables;
  }
};

/// Appends whole numbers, in the order of bytes of the machine.
template <class Number>
void append_number(std::string& bytes, Number number) {
  const auto raw = bit_cast<std::array<char, sizeof(Number)>>(number);
  bytes.append(raw.data(), raw.size());
}

/// Takes bytes off the front of others, never more than there are.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, const std::string& name) : left_(bytes), name_(name) {}

  [[nodiscard]] std::string_view take(std::uint64_t count) {
    require<FileError>(count <= left_.size(), name_, " is damaged: ", count,
                       " bytes are announced where ", left_.size(), " are left");
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(count));
    left_.remove_prefix(taken.size());
    return taken;
  }
  template <class Number>
  [[nodiscard]] Number number() {
    Number value{};
    std::memcpy(&value, take(sizeof(Number)).data(), sizeof(Number));
    return value;
  }
  /// Leaves out the last `count` bytes; there must be as many.
  void drop_last(std::size_t count) { left_.remove_suffix(count); }
  [[nodiscard]] std::size_t left() const { return left_.size(); }

 private:
  std::string_view left_;
  const std::string& name_;
};

}  // namespace detail

}  // namespace nn
