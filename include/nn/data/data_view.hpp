/// @file
/// Any data source without its type, so that what trains on it is compiled once.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "nn/data/data_source.hpp"
#include "nn/data/dataset.hpp"

namespace nn {

namespace detail {

/// The facts about a source, without its samples.
struct DataFacts {
  Index size = 0;
  Shape sample_shape{0};
  Index classes = 0;      // 0: no labels
  Shape target_shape{0};  // {0}: no tensors as targets
  bool weighted = false;
};

/// The functions that read a source of one type.
struct DataFunctions {
  DataFacts (*facts)(const void*);
  std::vector<std::string> (*class_names)(const void*);
  std::string (*name)(const void*);
  std::string (*settings)(const void*);
  void (*read_float)(const void*, Index, Sample<float>&);    // null: it cannot
  void (*read_double)(const void*, Index, Sample<double>&);  // likewise
  bool is_images;                                            // whether it is a Dataset
};

template <class Source>
DataFacts data_facts(const void* erased) {
  const Source& source = *static_cast<const Source*>(erased);
  DataFacts facts;
  facts.size = source.size();
  facts.sample_shape = source.sample_shape();
  if constexpr (HasLabels<Source>) facts.classes = source.classes();
  if constexpr (HasTargets<Source>) facts.target_shape = source.target_shape();
  if constexpr (requires { bool(source.weighted()); }) facts.weighted = source.weighted();
  return facts;
}

template <class Source>
[[gnu::cold]] std::vector<std::string> data_class_names(const void* erased) {
  if constexpr (requires(const Source& source) {
                  std::vector<std::string>(source.class_names());
                }) {
    return static_cast<const Source*>(erased)->class_names();
  } else {
    return {};
  }
}

template <class Source>
[[gnu::cold]] std::string data_name(const void* erased) {
  if constexpr (requires(const Source& source) { std::string(source.name()); }) {
    return static_cast<const Source*>(erased)->name();
  } else {
    return {};
  }
}

template <class Source>
[[gnu::cold]] std::string data_settings(const void* erased) {
  if constexpr (requires(const Source& source) { std::string(source.settings()); }) {
    return static_cast<const Source*>(erased)->settings();
  } else {
    return {};
  }
}

template <class Source, class T>
constexpr auto data_read() {
  using Read = void (*)(const void*, Index, Sample<T>&);
  if constexpr (requires(const Source& source, Sample<T>& sample) { source.read(0, sample); }) {
    return Read([](const void* source, Index index, Sample<T>& sample) {
      static_cast<const Source*>(source)->read(index, sample);
    });
  } else {
    return Read(nullptr);
  }
}

template <class Source>
inline constexpr DataFunctions data_functions{data_facts<Source>,
                                              data_class_names<Source>,
                                              data_name<Source>,
                                              data_settings<Source>,
                                              data_read<Source, float>(),
                                              data_read<Source, double>(),
                                              std::is_same_v<Source, Dataset>};

}  // namespace detail

/// Any `DataSource`, which has to outlive the view.
class DataView {
 public:
  /// Sees `data`.
  template <class Source>
  requires(!std::is_base_of_v<DataView, Source>)
      DataView(const Source& data)  // NOLINT(google-explicit-constructor): an argument
      : data_(&data), functions_(&functions_of<Source>()) {}

  [[nodiscard]] Index size() const { return facts().size; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Of every input.
  [[nodiscard]] Shape sample_shape() const { return facts().sample_shape; }
  /// The number of classes; 0 where there are no labels.
  [[nodiscard]] Index classes() const { return facts().classes; }
  /// Of every target; {0} where targets are no tensors.
  [[nodiscard]] Shape target_shape() const { return facts().target_shape; }
  /// Whether samples weigh differently in the loss.
  [[nodiscard]] bool weighted() const { return facts().weighted; }
  /// All of the above at once.
  [[nodiscard]] detail::DataFacts facts() const { return functions_->facts(data_); }

  /// One name for each class; none where they have no names.
  [[nodiscard]] std::vector<std::string> class_names() const {
    return functions_->class_names(data_);
  }
  /// What messages call it, or "".
  [[nodiscard]] std::string name() const { return functions_->name(data_); }
  /// What a checkpoint identifies it by, if the source says so, or "".
  [[nodiscard]] std::string settings() const { return functions_->settings(data_); }

  /// Whether the source itself writes samples of this type.
  template <class T>
  [[nodiscard]] bool reads() const {
    return std::is_same_v<T, float> ? functions_->read_float != nullptr
                                    : functions_->read_double != nullptr;
  }
  /// Writes sample `index`. Only where the source itself writes such.
  void read(Index index, Sample<float>& sample) const {
    functions_->read_float(data_, index, sample);
  }
  /// Likewise.
  void read(Index index, Sample<double>& sample) const {
    functions_->read_double(data_, index, sample);
  }

  /// The source, where it is a Dataset; else null.
  [[nodiscard]] const Dataset* images() const {
    return functions_->is_images ? static_cast<const Dataset*>(data_) : nullptr;
  }

  /// Why the two cannot be used side by side, such as "their classes differ", or "".
  [[gnu::cold]] [[nodiscard]] std::string difference_from(const DataView& other) const {
    if (images() != nullptr && other.images() != nullptr) {
      return images()->difference_from(*other.images());
    }
    if (classes() != other.classes() || class_names() != other.class_names()) {
      return "their classes differ";
    }
    if (target_shape() == other.target_shape()) return {};
    return detail::text("their targets are of the shapes ", target_shape(), " and ",
                        other.target_shape());
  }

  /// "spirals (1000 samples of 2)"
  [[gnu::cold]] [[nodiscard]] std::string to_string() const {
    if (images() != nullptr) return images()->to_string();
    const std::string own = name();
    return detail::text(own.empty() ? "a data set" : own, " (", size(), " samples of ",
                        sample_shape(), ")");
  }

 private:
  template <class Source>
  static constexpr const detail::DataFunctions& functions_of() {
    detail::check_data_source<Source>();
    return detail::data_functions<Source>;
  }

  const void* data_;
  const detail::DataFunctions* functions_;
};

/// Likewise, with targets to train on or to measure by.
class TargetDataView : public DataView {
 public:
  /// Sees `data`.
  template <class Source>
  requires(!std::is_base_of_v<DataView, Source>)
      TargetDataView(const Source& data)  // NOLINT(google-explicit-constructor): an argument
      : DataView(data) {
    detail::check_target_source<Source>();
  }
};

/// The address of any data source with targets, or of none: `.validation = &test`.
class DataPointer {
 public:
  /// None.
  DataPointer() = default;
  // NOLINTBEGIN(google-explicit-constructor): as pointers convert
  /// None.
  DataPointer(std::nullptr_t /*none*/) {}
  /// Where `data` is, or none.
  template <class Source>
  DataPointer(const Source* data) : data_(data), view_(data == nullptr ? nullptr : view<Source>) {}
  // NOLINTEND(google-explicit-constructor)

  /// Whether there are data.
  explicit operator bool() const { return data_ != nullptr; }
  /// The data, which there must be.
  [[nodiscard]] TargetDataView operator*() const { return view_(data_); }

 private:
  template <class Source>
  static TargetDataView view(const void* data) {
    return *static_cast<const Source*>(data);
  }

  const void* data_ = nullptr;
  TargetDataView (*view_)(const void*) = nullptr;
};

}  // namespace nn
