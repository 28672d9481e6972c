/// @file
/// Files from which a training can go on as if it had never stopped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nn/core/file.hpp"
#include "nn/train/checkpoint_bytes.hpp"
#include "nn/train/training_bytes.hpp"

namespace nn {

/// Named sections of whatever a training consists of, kept as bytes: models, optimizers, averages
/// of weights and plain values. To go on where a loop of one's own was:
///
///     nn::Checkpoint checkpoint;
///     checkpoint.set("model", model);
///     checkpoint.set("optimizer", optimizer);
///     checkpoint.set("step", step);
///     checkpoint.save("training.checkpoint");
///
///     const auto checkpoint = nn::Checkpoint::load("training.checkpoint");
///     checkpoint.get("model", model);
///     ...
///
/// The file is meant for the program that wrote it, on a machine like its own; to hand weights on,
/// use safetensors. `fit` writes and reads such files by itself.
class Checkpoint {
 public:
  /// Writes the file to a temporary name and renames it: whatever happens, `path` holds a whole
  /// checkpoint or what it held before.
  /// @throws FileError when it cannot be written.
  void save(const std::filesystem::path& path) const { write_file(path, serialize()); }

  /// @throws FileError when the file is missing, truncated, damaged or something else.
  [[nodiscard]] static Checkpoint load(const std::filesystem::path& path) {
    return parse(read_file(path, max_bytes), path.string());
  }

  /// The bytes of the file.
  [[nodiscard]] std::string serialize() const;
  /// The checkpoint whose bytes these are; `name` is what messages call it.
  [[nodiscard]] static Checkpoint parse(std::string_view bytes, const std::string& name);

  /// Whether there is such a section.
  [[nodiscard]] bool contains(const std::string& key) const { return sections_.contains(key); }

  /// Keeps numbers, or other values that may be copied as bytes.
  template <class Value>
  requires std::is_trivially_copyable_v<Value>
  void set(const std::string& key, std::span<const Value> values) {
    const auto bytes = std::as_bytes(values);
    sections_[key].assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());  // NOLINT
  }
  /// Likewise, a single number.
  template <class Value>
  requires std::is_arithmetic_v<Value>
  void set(const std::string& key, Value value) { set(key, std::span<const Value>(&value, 1)); }
  /// Likewise, a text.
  void set(const std::string& key, std::string_view text) { sections_[key] = text; }

  /// Likewise, a model's weights, state and counters.
  template <class Network, class T>
  void set(const std::string& key, const Model<Network, T>& model) {
    set(key, detail::ModelBytes::of(const_cast<Model<Network, T>&>(model)));  // NOLINT: only read
  }
  /// Likewise, an optimizer's slots and counters.
  template <class Rule, class T>
  void set(const std::string& key, const Optimizer<Rule, T>& optimizer) {
    set(key, detail::OptimizerBytes::of(const_cast<Optimizer<Rule, T>&>(optimizer)));  // NOLINT
  }
  /// Likewise, an average of weights.
  template <class T>
  void set(const std::string& key, const WeightAverage<T>& average) {
    set(key, detail::AverageBytes::of(const_cast<WeightAverage<T>&>(average)));  // NOLINT
  }

  /// @{ What the three above come to.
  void set(const std::string& key, const detail::ModelBytes& model) {
    set(key + ".layout", std::string_view(layout_of(model)));
    set<std::byte>(key + ".parameters", model.parameters);
    set<std::byte>(key + ".state", model.state);
    set(key + ".seed", model.seed);
    set(key + ".step", model.step);
  }
  void set(const std::string& key, const detail::OptimizerBytes& optimizer) {
    set<std::byte>(key + ".slots", optimizer.slots);
    set(key + ".steps", optimizer.steps);
    set(key + ".learning_rate", optimizer.learning_rate);
  }
  void set(const std::string& key, const detail::AverageBytes& average) {
    set<std::byte>(key + ".parameters", average.parameters);
    set<std::byte>(key + ".state", average.state);
    set(key + ".updates", average.updates);
  }
  /// @}

  /// Puts back what was kept. What does not fit changes nothing.
  /// @throws FileError when there is no such section or it does not fit, saying in what way.
  template <class Value>
  requires std::is_trivially_copyable_v<Value>
  void get(const std::string& key, std::span<Value> values) const {
    const std::string& bytes = section(key, values.size_bytes());
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  }
  /// Likewise, a single number.
  template <class Value>
  requires std::is_arithmetic_v<Value>
  void get(const std::string& key, Value& value) const { get(key, std::span<Value>(&value, 1)); }
  /// The text that was kept.
  [[nodiscard]] const std::string& text(const std::string& key) const { return section(key); }
  /// Any number of values.
  template <class Value>
  [[nodiscard]] std::vector<Value> values(const std::string& key) const {
    const std::string& bytes = section(key);
    require<FileError>(bytes.size() % sizeof(Value) == 0, name_, ": '", key, "' has ", bytes.size(),
                       " bytes, which are not whole values of ", sizeof(Value));
    std::vector<Value> result(bytes.size() / sizeof(Value));
    get(key, std::span<Value>(result));
    return result;
  }

  /// Likewise, into a model of the same layers, shapes and seed.
  template <class Network, class T>
  void get(const std::string& key, Model<Network, T>& model) const {
    auto bytes = detail::ModelBytes::of(model);
    get(key, bytes);
    model.set_step(bytes.step);
    model.zero_gradients();
  }
  /// Likewise, into an optimizer of the same rule.
  template <class Rule, class T>
  void get(const std::string& key, Optimizer<Rule, T>& optimizer) const {
    auto bytes = detail::OptimizerBytes::of(optimizer);
    get(key, bytes);
    optimizer.set_steps(bytes.steps);
    optimizer.set_learning_rate(bytes.learning_rate);
  }
  /// Likewise, into an average of a model of the same layout.
  template <class T>
  void get(const std::string& key, WeightAverage<T>& average) const {
    auto bytes = detail::AverageBytes::of(average);
    get(key, bytes);
    average.set_updates(bytes.updates);
  }

  /// @{ What the three above come to.
  void get(const std::string& key, detail::ModelBytes& model) const {
    require_fits(key, model);
    get(key + ".step", model.step);
    get<std::byte>(key + ".parameters", model.parameters);
    get<std::byte>(key + ".state", model.state);
  }
  void get(const std::string& key, detail::OptimizerBytes& optimizer) const {
    require_fits(key, optimizer);
    get(key + ".steps", optimizer.steps);
    get(key + ".learning_rate", optimizer.learning_rate);
    get<std::byte>(key + ".slots", optimizer.slots);
  }
  void get(const std::string& key, detail::AverageBytes& average) const {
    require_fits(key, average);
    get(key + ".updates", average.updates);
    get<std::byte>(key + ".parameters", average.parameters);
    get<std::byte>(key + ".state", average.state);
  }
  /// @}

  /// @{ What `get` makes sure of before it changes anything.
  void require_fits(const std::string& key, const detail::ModelBytes& model) const {
    require_same_layout(section(key + ".layout"), layout_of(model));
    std::uint64_t seed = 0;
    get(key + ".seed", seed);
    require<FileError>(seed == model.seed, name_, " was made by a model of seed ", seed,
                       ", and this one has seed ", model.seed);
    require_bytes(key + ".step", sizeof(model.step));
    require_bytes(key + ".parameters", model.parameters.size());
    require_bytes(key + ".state", model.state.size());
  }
  void require_fits(const std::string& key, const detail::OptimizerBytes& optimizer) const {
    require_bytes(key + ".steps", sizeof(optimizer.steps));
    require_bytes(key + ".learning_rate", sizeof(optimizer.learning_rate));
    require_bytes(key + ".slots", optimizer.slots.size());
  }
  void require_fits(const std::string& key, const detail::AverageBytes& average) const {
    require_bytes(key + ".updates", sizeof(average.updates));
    require_bytes(key + ".parameters", average.parameters.size());
    require_bytes(key + ".state", average.state.size());
  }
  void require_bytes(const std::string& key, std::size_t bytes) const { (void)section(key, bytes); }
  /// @}

 private:
  static constexpr Index max_bytes = detail::at_most(std::uint64_t{1} << 36U);

  [[nodiscard]] const std::string& section(const std::string& key) const {
    const auto found = sections_.find(key);
    require<FileError>(found != sections_.end(), name_, " holds no '", key, "'");
    return found->second;
  }
  [[nodiscard]] const std::string& section(const std::string& key, std::size_t bytes) const {
    const std::string& content = section(key);
    require<FileError>(content.size() == bytes, name_, ": '", key, "' has ", content.size(),
                       " bytes, expected ", bytes);
    return content;
  }

  /// One line a parameter or state: its name and shape.
  [[nodiscard]] static std::string layout_of(const detail::ModelBytes& model) {
    std::string lines = detail::text("elements of ", model.element, " bytes\n");
    for (const auto* variables : {&model.variables, &model.states}) {
      for (const Variable& variable : *variables) {
        lines += detail::text(variable.name, " ", variable.shape, "\n");
      }
    }
    return lines;
  }

  void require_same_layout(const std::string& stored, const std::string& expected) const {
    if (stored == expected) return;
    const auto difference =
        std::mismatch(stored.begin(), stored.end(), expected.begin(), expected.end());
    const auto line_at = [](const std::string& lines, std::string::const_iterator place) {
      const auto position = static_cast<std::size_t>(place - lines.begin());
      const std::size_t before =
          position == 0 ? std::string::npos : lines.rfind('\n', position - 1);
      const std::size_t begin = before == std::string::npos ? 0 : before + 1;
      const std::string line = lines.substr(begin, lines.find('\n', position) - begin);
      return line.empty() ? std::string("nothing more") : line;
    };
    throw FileError(detail::text(name_, " was made by another network: it has ",
                                 line_at(stored, difference.first), " where this one has ",
                                 line_at(expected, difference.second)));
  }

  std::map<std::string, std::string> sections_;
  std::string name_ = "the checkpoint";
};

namespace detail {

/// The first bytes of a checkpoint. The number after them tells the version, and by its value
/// whether the file's order of bytes is this machine's.
inline constexpr std::string_view checkpoint_magic = "nn checkpoint\r\n\x1a";
inline constexpr std::uint32_t checkpoint_version = 1;

}  // namespace detail

/// magic, version, size of the whole file, number of sections; each section's name and content,
/// their lengths first; CRC-64 of all that.
inline std::string Checkpoint::serialize() const {
  std::string bytes(detail::checkpoint_magic);
  detail::append_number(bytes, detail::checkpoint_version);
  const std::size_t size_place = bytes.size();
  detail::append_number(bytes, std::uint64_t{0});
  detail::append_number(bytes, static_cast<std::uint64_t>(sections_.size()));
  for (const auto& [key, content] : sections_) {
    detail::append_number(bytes, static_cast<std::uint64_t>(key.size()));
    bytes += key;
    detail::append_number(bytes, static_cast<std::uint64_t>(content.size()));
    bytes += content;
  }
  const auto size = static_cast<std::uint64_t>(bytes.size() + sizeof(std::uint64_t));
  std::memcpy(bytes.data() + size_place, &size, sizeof(size));
  detail::append_number(bytes, detail::Crc64::of(bytes));
  return bytes;
}

inline Checkpoint Checkpoint::parse(std::string_view bytes, const std::string& name) {
  require<FileError>(bytes.starts_with(detail::checkpoint_magic), name, " is not a checkpoint");
  detail::ByteReader reader(bytes, name);
  (void)reader.take(detail::checkpoint_magic.size());
  const auto version = reader.number<std::uint32_t>();
  require<FileError>(version == detail::checkpoint_version, name, " is a checkpoint of version ",
                     version, "; this program reads version ", detail::checkpoint_version);
  const auto size = reader.number<std::uint64_t>();
  require<FileError>(size == bytes.size(), name, " is damaged: it should have ", size,
                     " bytes and has ", bytes.size());
  require<FileError>(reader.left() >= sizeof(std::uint64_t), name, " is damaged: it has no end");
  std::uint64_t checksum = 0;
  const std::size_t end = bytes.size() - sizeof(checksum);
  std::memcpy(&checksum, bytes.data() + end, sizeof(checksum));
  require<FileError>(checksum == detail::Crc64::of(bytes.substr(0, end)), name,
                     " is damaged: its checksum does not fit its content");
  Checkpoint checkpoint;
  checkpoint.name_ = name;
  reader.drop_last(sizeof(checksum));
  const auto count = reader.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string key(reader.take(reader.number<std::uint64_t>()));
    const bool first =
        checkpoint.sections_.emplace(key, reader.take(reader.number<std::uint64_t>())).second;
    require<FileError>(first, name, " is damaged: it holds '", key, "' twice");
  }
  require<FileError>(reader.left() == 0, name, " is damaged: ", reader.left(),
                     " bytes are left over");
  return checkpoint;
}

}  // namespace nn
