/// @file
/// The checksum SHA-256 (NIST, FIPS 180-4, 2015): whether a file is the one that was published.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "nn/data/stored_file.hpp"

namespace nn {

namespace detail {

/// Section numbers are those of FIPS 180-4.
class Sha256 {
 public:
  /// Adds a block of 64 bytes (6.2.2).
  void add(const char* block) {
    std::array<std::uint32_t, 64> schedule{};
    for (std::size_t t = 0; t < 16; ++t) {
      for (std::size_t i = 0; i < 4; ++i)
        schedule[t] = schedule[t] << 8U | static_cast<std::uint8_t>(block[4 * t + i]);
    }
    for (std::size_t t = 16; t < 64; ++t) {
      const std::uint32_t x = schedule[t - 15];
      const std::uint32_t y = schedule[t - 2];
      schedule[t] = schedule[t - 16] + (std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3U) +
                    schedule[t - 7] + (std::rotr(y, 17) ^ std::rotr(y, 19) ^ y >> 10U);
    }
    auto [a, b, c, d, e, f, g, h] = hash_;
    for (std::size_t t = 0; t < 64; ++t) {
      const std::uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                  ((e & f) ^ (~e & g)) + constants[t] + schedule[t];
      const std::uint32_t second =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + first;
      d = c;
      c = b;
      b = a;
      a = first + second;
    }
    const std::array<std::uint32_t, 8> change{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) hash_[i] += change[i];
  }

  [[nodiscard]] std::string hexadecimal() const {
    std::string digits;
    for (const std::uint32_t word : hash_) {
      for (unsigned shift = 32; shift > 0; shift -= 4)
        digits += "0123456789abcdef"[word >> (shift - 4) & 0xfU];
    }
    return digits;
  }

 private:
  /// 4.2.2
  static constexpr std::array<std::uint32_t, 64> constants{
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
      0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
      0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
      0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
      0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
      0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
      0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
      0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
      0xc67178f2};

  /// 5.3.3
  std::array<std::uint32_t, 8> hash_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};

}  // namespace detail

/// The SHA-256 of `bytes`, as 64 hexadecimal digits.
[[nodiscard]] inline std::string sha256(std::string_view bytes) {
  detail::Sha256 hash;
  const std::size_t whole = bytes.size() / 64 * 64;
  for (std::size_t i = 0; i < whole; i += 64) hash.add(bytes.data() + i);
  // The rest is padded with a one bit, zeros, and the number of bits (5.1.1).
  std::string tail(bytes.substr(whole));
  tail += '\x80';
  while (tail.size() % 64 != 56) tail += '\0';
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  for (unsigned shift = 64; shift > 0; shift -= 8) tail += static_cast<char>(bits >> (shift - 8));
  for (std::size_t i = 0; i < tail.size(); i += 64) hash.add(tail.data() + i);
  return hash.hexadecimal();
}

/// The SHA-256 of a file's content: uncompressed, so that it is the same for `path` and `path`.gz,
/// whichever there is.
/// @throws FileError when there is neither, or it cannot be read.
[[nodiscard]] inline std::string sha256_of_file(const std::filesystem::path& path) {
  return sha256(StoredFile(path).content());
}

}  // namespace nn
