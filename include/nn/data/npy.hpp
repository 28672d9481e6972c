/// @file
/// Arrays in NumPy's files, in and out. Several arrays in one file: npz.hpp.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "nn/core/tensor.hpp"
#include "nn/data/npy_header.hpp"
#include "nn/data/stored_file.hpp"

namespace nn {

namespace detail {

/// What an array file's elements can be read as, and written from.
template <class T>
concept NpyElement = std::same_as<T, float> || std::same_as<T, double> ||
    (std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>);

/// One element of an array file: a float, or a whole number with or without a sign.
struct NpyValue {
  char kind;  ///< 'f', 'i' or 'u'
  double real = 0;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;

  [[nodiscard]] std::string to_string() const {
    if (kind == 'f') return general(real);
    return kind == 'i' ? std::to_string(integer) : std::to_string(natural);
  }
};

[[nodiscard]] inline NpyValue npy_value(const char* bytes, const NpyType& type) {
  const std::uint64_t bits = npy_bits(bytes, type.bytes, type.big_endian);
  switch (type.kind) {
    case 'f':
      if (type.bytes == 8) return {.kind = 'f', .real = bit_cast<double>(bits)};
      return {.kind = 'f', .real = double{bit_cast<float>(static_cast<std::uint32_t>(bits))}};
    case 'i': {
      const auto unused =
          static_cast<unsigned>(64 - 8 * type.bytes);  // shifted out, and the sign in
      return {.kind = 'i', .integer = static_cast<std::int64_t>(bits << unused) >> unused};
    }
    case 'b':
      return {.kind = 'u', .natural = bits != 0 ? 1U : 0U};
    default:
      return {.kind = 'u', .natural = bits};
  }
}

/// The value as a `T`. Returns whether a `T` can hold it; floats are rounded.
template <class T>
[[nodiscard]] bool convert(const NpyValue& value, T& to) {
  if constexpr (std::floating_point<T>) {
    to = value.kind == 'f'   ? static_cast<T>(value.real)
         : value.kind == 'i' ? static_cast<T>(value.integer)
                             : static_cast<T>(value.natural);
    return std::isfinite(to) || (value.kind == 'f' && !std::isfinite(value.real));
  } else {
    const bool is_signed = value.kind == 'i';
    to = is_signed ? static_cast<T>(value.integer) : static_cast<T>(value.natural);
    return is_signed ? std::in_range<T>(value.integer) : std::in_range<T>(value.natural);
  }
}

}  // namespace detail

/// An array out of a file, as it was stored.
class NpyArray {
 public:
  /// Takes the content of an array file; `name` is what messages call it.
  /// @throws FileError naming the byte when it is none: another version than 1 to 3, a header that
  /// is broken, elements that are neither floats of 4 or 8 bytes nor integers nor booleans, more
  /// than `Shape::max_rank` axes, or not as many bytes as its elements take.
  [[gnu::cold]] NpyArray(std::string content, std::string name)
      : content_(std::move(content)),
        name_(std::move(name)),
        header_(detail::parse_npy_header(content_, name_)) {
    const auto found = static_cast<Index>(content_.size());
    const Index expected =
        static_cast<Index>(header_.bytes) + header_.shape.size() * header_.type.bytes;
    require<FileError>(found >= expected, name_, ": it is truncated: ", header_.shape,
                       " elements of ", header_.type.bytes, " bytes take ", expected,
                       " bytes with the header, it has ", found);
    require<FileError>(found == expected, name_, ", byte ", expected, ": it goes on after its ",
                       header_.shape, " elements, for ", found - expected, " bytes");
  }

  /// The extents, outermost first, whatever order the elements are stored in.
  [[nodiscard]] const Shape& shape() const { return header_.shape; }
  /// The elements' type as NumPy writes it: "<f4", ">i8", "|u1", "|b1".
  [[nodiscard]] std::string type() const { return header_.type.to_string(); }
  /// Whether the elements are floats, not whole numbers or booleans.
  [[nodiscard]] bool has_floats() const { return header_.type.kind == 'f'; }
  /// Whether the first axis is the fastest, as in Fortran.
  [[nodiscard]] bool fortran_order() const { return header_.fortran_order; }
  /// What messages call it.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// The elements, the last axis fastest. Floats and whole numbers become floats or doubles,
  /// rounded; whole numbers and booleans become integers.
  /// @throws FileError when floats are to become integers, or naming the byte of an element that
  /// `T` cannot hold.
  template <detail::NpyElement T>
  [[nodiscard]] Tensor<T> get() const {
    const detail::NpyType& type = header_.type;
    require<FileError>(std::is_floating_point_v<T> || type.kind != 'f', name_,
                       ": its elements are floats (", type, "); they do not become integers");
    Tensor<T> result(header_.shape);
    std::array<Index, Shape::max_rank> position{};
    for (Index i = 0; i < result.size(); ++i) {
      const Index element = header_.fortran_order ? fortran_place(position) : i;
      const auto byte = header_.bytes + static_cast<std::size_t>(element * type.bytes);
      const detail::NpyValue value = detail::npy_value(content_.data() + byte, type);
      if (!detail::convert(value, result[i])) refuse(byte, value, sizeof(T), std::integral<T>);
      if (header_.fortran_order) advance(position);
    }
    return result;
  }

 private:
  [[noreturn, gnu::cold, gnu::noinline]] void refuse(std::size_t byte,
                                                     const detail::NpyValue& value,
                                                     std::size_t bytes, bool is_integer) const {
    detail::fail<FileError>({name_, ", byte ", byte, ": the element ", value, " is beyond ",
                             is_integer ? "an integer" : "a float", " of ", bytes, " bytes"});
  }

  [[nodiscard]] Index fortran_place(const std::array<Index, Shape::max_rank>& position) const {
    Index place = 0;
    for (Index axis = header_.shape.rank(); axis-- > 0;)
      place = place * header_.shape[axis] + position[static_cast<std::size_t>(axis)];
    return place;
  }

  /// To the next position, the last axis fastest.
  void advance(std::array<Index, Shape::max_rank>& position) const {
    for (Index axis = header_.shape.rank(); axis-- > 0;) {
      Index& here = position[static_cast<std::size_t>(axis)];
      if (++here < header_.shape[axis]) return;
      here = 0;
    }
  }

  std::string content_;
  std::string name_;
  detail::NpyHeader header_;
};

/// The array in an NPY file, to look at its type and shape before it is read. Where there is no
/// such file, the same name with .gz is tried; for that, some file of the program has to include
/// <nn/data/gzip.hpp>.
/// @throws FileError when the file is missing or too long, and as `NpyArray` does.
[[gnu::cold]] [[nodiscard]] inline NpyArray open_npy(const std::filesystem::path& path) {
  const StoredFile file(path);
  return {file.content(), file.name()};
}

/// The array in an NPY file as a tensor: `read_npy<float>("features.npy")`.
/// @throws FileError as `open_npy` and `NpyArray::get` do.
template <detail::NpyElement T>
[[nodiscard]] Tensor<T> read_npy(const std::filesystem::path& path) {
  return open_npy(path).get<T>();
}

namespace detail {

/// All of an array file but the elements, in version 1 of the format.
[[gnu::cold]] [[nodiscard]] inline std::string encode_npy_header(const Shape& shape, char kind,
                                                                 std::size_t bytes) {
  const NpyType type{kind, static_cast<Index>(bytes), std::endian::native == std::endian::big};
  std::string extents;
  for (Index axis = 0; axis < shape.rank(); ++axis) extents += text(shape[axis], ", ");
  if (shape.rank() > 1) extents.resize(extents.size() - 2);
  std::string header =
      text("{'descr': '", type, "', 'fortran_order': False, 'shape': (", extents, "), }");
  constexpr std::size_t before = 10;  // the elements begin at a multiple of 64 bytes
  header.append(63 - (before + header.size()) % 64, ' ');
  header += '\n';
  const std::size_t length = header.size();
  std::string start("\x93NUMPY\x01\0", 8);
  start += static_cast<char>(length & 0xffU);
  start += static_cast<char>(length >> 8U);
  return start + header;
}

}  // namespace detail

/// The bytes of an NPY file.
template <detail::NpyElement T>
[[nodiscard]] std::string encode_npy(TensorView<const T> array) {
  const char kind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
  std::string file = detail::encode_npy_header(array.shape(), kind, sizeof(T));
  file.append(reinterpret_cast<const char*>(array.data()),  // NOLINT: a file holds bytes
              static_cast<std::size_t>(array.size()) * sizeof(T));
  return file;
}
/// The same.
template <detail::NpyElement T>
[[nodiscard]] std::string encode_npy(const Tensor<T>& array) {
  return encode_npy<T>(array.view());
}

/// Writes an array for `numpy.load`, whole or not at all.
/// @throws FileError when it cannot.
template <detail::NpyElement T>
void write_npy(const std::filesystem::path& path, const Tensor<T>& array) {
  write_file(path, encode_npy(array));
}

}  // namespace nn
