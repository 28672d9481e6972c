/// @file
/// Files of named tensors in the safetensors format
/// (https://github.com/huggingface/safetensors, section "Format").
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/file.hpp"
#include "nn/core/tensor.hpp"
#include "nn/io/element_type.hpp"

namespace nn {

/// A file's metadata: texts by key.
using Metadata = std::map<std::string, std::string>;

/// A tensor as it stands in a file.
struct StoredTensor {
  ElementType type = ElementType::f32;  ///< of its elements
  Shape shape;                          ///< row-major
  std::string bytes;                    ///< row-major, little-endian
};

/// What a safetensors file holds: tensors by name, and text about them.
///
///     nn::SafetensorsFile file;
///     file.put("weight", weight.view());
///     file.metadata["made by"] = "me";
///     file.write("weights.safetensors");
///     auto weight = nn::SafetensorsFile::read("weights.safetensors").get<float>("weight");
class SafetensorsFile {
 public:
  Metadata metadata;  ///< what the file carries besides tensors

  /// @throws FileError when the file cannot be read, or is not in the format: the message says what
  /// is wrong and with which tensor.
  [[nodiscard]] static SafetensorsFile read(const std::filesystem::path& path);

  /// The same from memory; `source` is what messages call it.
  [[nodiscard]] static SafetensorsFile parse(std::string_view content, const std::string& source);

  /// Writes the file to a temporary name and renames it.
  /// @throws FileError when that fails; what `path` held is then still there.
  void write(const std::filesystem::path& path) const { write_file(path, serialize()); }

  /// The bytes of the file.
  [[nodiscard]] std::string serialize() const;

  /// All tensors, by name.
  [[nodiscard]] const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }
  /// Whether there is a tensor called `name`.
  [[nodiscard]] bool contains(const std::string& name) const { return tensors_.contains(name); }

  /// The tensor called `name`, as it stands.
  /// @throws Error naming the existing ones when there is none of this name.
  [[nodiscard]] const StoredTensor& at(const std::string& name) const;

  /// The tensor called `name` in the scalar `T` (float or double), whatever it is stored as.
  template <class T>
  [[nodiscard]] Tensor<T> get(const std::string& name) const {
    const StoredTensor& stored = at(name);
    Tensor<T> tensor(stored.shape);
    detail::decode(stored.type, stored.bytes, tensor.data());
    return tensor;
  }

  /// Adds or replaces a tensor, stored in its own type.
  template <class T>
  void put(const std::string& name, TensorView<T> values) {
    using Element = std::remove_const_t<T>;
    const auto same = [](Element value) { return value; };
    put(name, {element_type_of<Element>(), values.shape(),
               detail::encode_with<Element, Element>(values.span(), same)});
  }

  /// Adds or replaces a tensor of floating-point values, rounded to `type`: F64, F32, F16 or BF16.
  template <class T>
  void put(const std::string& name, TensorView<T> values, ElementType type) {
    put(name, {type, values.shape(), detail::encode<std::remove_const_t<T>>(type, values.span())});
  }

  /// Adds or replaces a tensor.
  /// @throws Error for a name that the format keeps for itself, or bytes that do not fit the shape.
  void put(const std::string& name, StoredTensor tensor);

 private:
  std::map<std::string, StoredTensor> tensors_;
};

namespace detail {

/// The key that the format keeps for text, and the largest header that it allows.
inline constexpr std::string_view metadata_key = "__metadata__";
inline constexpr std::uint64_t largest_header = 100'000'000;

/// Parses a header's JSON. Refuses duplicate keys, which the format forbids and the JSON library
/// would accept, and nesting deeper than any header's.
class HeaderKeys {
 public:
  bool operator()(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    require<FileError>(depth <= 4, "its header is nested too deeply");
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto& key = value.get_ref<const std::string&>();
      require<FileError>(keys_.back().insert(key).second, "its header has '", key, "' twice");
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

[[nodiscard]] inline nlohmann::json parse_header(std::string_view header) {
  require<FileError>(header.starts_with('{'), "its header is not a JSON object");
  try {
    return nlohmann::json::parse(header.begin(), header.end(), HeaderKeys{});
  } catch (const nlohmann::json::exception& error) {
    throw FileError(text("its header is not JSON: ", error.what()));
  }
}

/// A count in a header: a whole number that fits an Index.
[[nodiscard]] inline Index parse_count(const nlohmann::json& value, std::string_view what) {
  const bool fits =
      value.is_number_unsigned() &&
      value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  require<FileError>(fits, "its ", what, " is no size: ", value.dump());
  return static_cast<Index>(value.get<std::uint64_t>());
}

/// The bytes that `extents` elements take. @throws FileError when no memory could hold them.
[[nodiscard]] inline Index checked_bytes(const Shape& shape, Index element_bytes) {
  Index bytes = element_bytes;
  for (Index axis = 0; axis < shape.rank(); ++axis) {
    const Index extent = std::max<Index>(shape[axis], 1);
    require<FileError>(bytes <= std::numeric_limits<Index>::max() / extent, "its shape ", shape,
                       " is too large");
    bytes *= extent;
  }
  for (Index axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 0) return 0;
  }
  return bytes;
}

/// A tensor's entry in the header: what it is, and which bytes of the data it takes.
struct HeaderEntry {
  ElementType type{};
  Shape shape;
  Index begin = 0;
  Index end = 0;
};

[[nodiscard]] inline HeaderEntry parse_entry(const nlohmann::json& json, Index data_bytes) {
  for (const std::string_view key : {"dtype", "shape", "data_offsets"}) {
    require<FileError>(json.is_object() && json.contains(key), "it has no ", key);
  }
  require<FileError>(json.size() == 3, "it has more than a dtype, a shape and data_offsets");
  HeaderEntry entry;

  const nlohmann::json& type = json["dtype"];
  const auto known =
      type.is_string() ? element_type(type.get_ref<const std::string&>()) : std::nullopt;
  require<FileError>(known.has_value(), "its dtype ", type.dump(),
                     " is none of those that can be read");
  entry.type = *known;

  const nlohmann::json& shape = json["shape"];
  require<FileError>(shape.is_array(), "its shape is no list: ", shape.dump());
  require<FileError>(static_cast<Index>(shape.size()) <= Shape::max_rank, "it has ", shape.size(),
                     " axes, and at most ", Shape::max_rank, " can be read");
  for (const auto& extent : shape) entry.shape.push_back(parse_count(extent, "shape"));

  const nlohmann::json& offsets = json["data_offsets"];
  require<FileError>(offsets.is_array() && offsets.size() == 2,
                     "its data_offsets are no pair: ", offsets.dump());
  entry.begin = parse_count(offsets[0], "data_offsets");
  entry.end = parse_count(offsets[1], "data_offsets");
  require<FileError>(entry.begin <= entry.end && entry.end <= data_bytes, "its bytes ", entry.begin,
                     " to ", entry.end, " are not among the ", data_bytes, " of the file's data");
  const Index bytes = checked_bytes(entry.shape, bytes_of(entry.type));
  require<FileError>(bytes == entry.end - entry.begin, "its shape ", entry.shape, " in ",
                     name_of(entry.type), " takes ", bytes, " bytes, and it has ",
                     entry.end - entry.begin);
  return entry;
}

[[nodiscard]] inline Metadata parse_metadata(const nlohmann::json& json) {
  require<FileError>(json.is_object(), metadata_key, " is no object");
  Metadata metadata;
  for (const auto& [key, value] : json.items()) {
    require<FileError>(value.is_string(), metadata_key, " '", key, "' is no text");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

/// The tensors must cover the data exactly, as the format says: no byte belongs to two tensors or
/// to none.
inline void require_no_gaps(const std::map<std::string, HeaderEntry>& entries, Index data_bytes) {
  std::vector<std::pair<const HeaderEntry*, const std::string*>> in_order;
  for (const auto& [name, entry] : entries) in_order.emplace_back(&entry, &name);
  std::sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
  });
  Index end = 0;
  for (const auto& [entry, name] : in_order) {
    require<FileError>(entry->begin >= end, "the tensor '", *name, "' overlaps another one");
    require<FileError>(entry->begin == end, "the ", entry->begin - end,
                       " bytes before the tensor '", *name, "' belong to none");
    end = entry->end;
  }
  require<FileError>(end == data_bytes, "the last ", data_bytes - end,
                     " bytes belong to no tensor");
}

/// Splits a file into header and data.
[[nodiscard]] inline std::pair<std::string_view, std::string_view> split(std::string_view content) {
  require<FileError>(content.size() >= 8, "it has only ", content.size(),
                     " bytes; a safetensors file starts with the 8 of its header's length");
  std::uint64_t length = 0;
  std::memcpy(&length, content.data(), 8);
  content.remove_prefix(8);
  require<FileError>(length <= content.size(), "its header claims ", length, " bytes, and only ",
                     content.size(), " follow");
  require<FileError>(length <= largest_header, "its header has ", length, " bytes, and at most ",
                     largest_header, " are allowed");
  const auto header = static_cast<std::size_t>(length);
  return {content.substr(0, header), content.substr(header)};
}

}  // namespace detail

inline SafetensorsFile SafetensorsFile::read(const std::filesystem::path& path) {
  constexpr Index any_size = std::numeric_limits<Index>::max();
  return parse(read_file(path, any_size), path.string());
}

inline SafetensorsFile SafetensorsFile::parse(std::string_view content, const std::string& source) {
  SafetensorsFile file;
  std::string where;
  try {
    const auto [header, data] = detail::split(content);
    const nlohmann::json json = detail::parse_header(header);
    const auto data_bytes = static_cast<Index>(data.size());
    std::map<std::string, detail::HeaderEntry> entries;
    for (const auto& [name, value] : json.items()) {
      if (name == detail::metadata_key) {
        file.metadata = detail::parse_metadata(value);
        continue;
      }
      where = "the tensor '" + name + "': ";
      entries[name] = detail::parse_entry(value, data_bytes);
      where.clear();
    }
    detail::require_no_gaps(entries, data_bytes);
    for (const auto& [name, entry] : entries) {
      const auto begin = static_cast<std::size_t>(entry.begin);
      const auto end = static_cast<std::size_t>(entry.end);
      file.tensors_[name] = {entry.type, entry.shape, std::string(data.substr(begin, end - begin))};
    }
  } catch (const Error& error) {
    throw FileError(detail::text("cannot read ", source, ": ", where, error.what()));
  }
  return file;
}

inline std::string SafetensorsFile::serialize() const {
  // Wide elements first, so that each tensor is aligned to its own.
  std::vector<const std::pair<const std::string, StoredTensor>*> in_order;
  for (const auto& entry : tensors_) in_order.push_back(&entry);
  std::stable_sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) {
    return bytes_of(a->second.type) > bytes_of(b->second.type);
  });
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!metadata.empty()) json[std::string(detail::metadata_key)] = metadata;
  std::size_t offset = 0;
  for (const auto* entry : in_order) {
    const StoredTensor& tensor = entry->second;
    auto extents = nlohmann::ordered_json::array();
    for (Index axis = 0; axis < tensor.shape.rank(); ++axis) extents.push_back(tensor.shape[axis]);
    json[entry->first] = {{"dtype", name_of(tensor.type)},
                          {"shape", extents},
                          {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string header;
  try {
    header = json.dump();
  } catch (const nlohmann::json::exception& error) {
    throw Error(detail::text("a name or a text is not UTF-8: ", error.what()));
  }
  header.resize((header.size() + 7) / 8 * 8, ' ');
  require(header.size() <= detail::largest_header, "names and metadata take ", header.size(),
          " bytes, and at most ", detail::largest_header, " are allowed");

  const std::uint64_t length = header.size();
  std::string content(8, '\0');
  std::memcpy(content.data(), &length, 8);
  content.reserve(8 + header.size() + offset);
  content += header;
  for (const auto* entry : in_order) content += entry->second.bytes;
  return content;
}

inline const StoredTensor& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  std::string known;
  for (const auto& [other, tensor] : tensors_) known += (known.empty() ? "" : ", ") + other;
  throw Error(detail::text("there is no tensor '", name, "'; there are: ", known));
}

inline void SafetensorsFile::put(const std::string& name, StoredTensor tensor) {
  require(name != detail::metadata_key, "a tensor cannot be called ", name);
  const Index expected = detail::checked_bytes(tensor.shape, bytes_of(tensor.type));
  const auto bytes = static_cast<Index>(tensor.bytes.size());
  require(bytes == expected, "the tensor '", name, "' of shape ", tensor.shape, " in ",
          name_of(tensor.type), " takes ", expected, " bytes, and has ", bytes);
  tensors_[name] = std::move(tensor);
}

}  // namespace nn
