/// @file
/// The options of a layer, named once: files write and read them, and checkpoints compare them.
///
///     struct Scale {
///       float factor = 2;
///       void fields(nn::Fields& fields) {
///         fields.layer("Scale");
///         fields("factor", factor);
///       }
///       ...
///     };
///
/// Different `Fields` write the options to a file, set them from a file, or list them.
#pragma once

#include <concepts>
#include <string>

#include "nn/core/initializer.hpp"
#include "nn/core/settings.hpp"
#include "nn/layers/window.hpp"

namespace nn {

class Fields;

namespace detail {

template <class L>
concept HasFields = requires(L& layer, Fields& fields) {
  layer.fields(fields);
};

template <class L>
void describe(const L& layer, Fields& fields);

}  // namespace detail

/// Receives a layer's type, its options and the layers it is made of. A layer's `fields` is called
/// on a copy, whose options may be changed.
class Fields {
 public:
  Fields() = default;
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;
  virtual ~Fields() = default;

  /// The name of the layer's type in files. Call it first.
  virtual void layer(const char* kind) = 0;

  /// An option: a bool, an Index, a float or double, a string, a Shape, an Extent2D, a Padding or
  /// an Initializer.
  template <class Value>
  void operator()(const char* name, Value& value) {
    visit(name, value);
  }

  /// An option that the layer's name or its parameters show too: checkpoints compare those already.
  template <class Value>
  void shown(const char* name, Value& value) {
    if (wants_shown()) visit(name, value);
  }

  /// A layer that this one is made of.
  template <class L>
  void child(const L& layer) {
    begin_child();
    detail::describe(layer, *this);
    end_child();
  }

  /// Instead of all these: for a layer that does not name its options. `name` is the layer's.
  virtual void undescribed(const std::string& name) = 0;

 protected:
  /// Whether options are wanted that the layer's name or parameters show.
  [[nodiscard]] virtual bool wants_shown() const { return true; }

  /// @{ An option of this type.
  virtual void visit(const char* name, bool& value) = 0;
  virtual void visit(const char* name, Index& value) = 0;
  virtual void visit(const char* name, float& value) = 0;
  virtual void visit(const char* name, double& value) = 0;
  virtual void visit(const char* name, std::string& value) = 0;
  virtual void visit(const char* name, Shape& value) = 0;
  virtual void visit(const char* name, Extent2D& value) = 0;
  virtual void visit(const char* name, Padding& value) = 0;
  virtual void visit(const char* name, Initializer& value) = 0;
  /// @}

  /// @{ Around what a layer that this one is made of tells.
  virtual void begin_child() = 0;
  virtual void end_child() = 0;
  /// @}
};

namespace detail {

/// The options that a layer's name leaves out: "{momentum 0.1, epsilon 1e-05}", or nothing. How
/// weights start does not count: a checkpoint has them as they are by then.
class UnshownSettings final : public Fields {
 public:
  /// What was told.
  [[gnu::cold]] [[nodiscard]] std::string text() const {
    return text_.empty() ? text_ : text_ + '}';
  }

  void layer(const char* /*kind*/) override {}
  void undescribed(const std::string& /*name*/) override {}

 protected:
  [[nodiscard]] bool wants_shown() const override { return false; }
  void visit(const char* name, bool& value) override { add(name, value ? "1" : "0"); }
  void visit(const char* name, Index& value) override { add(name, std::to_string(value)); }
  void visit(const char* name, float& value) override {
    add(name, exact_number(static_cast<double>(value)));
  }
  void visit(const char* name, double& value) override { add(name, exact_number(value)); }
  void visit(const char* name, std::string& value) override { add(name, value); }
  void visit(const char* name, Shape& value) override { add(name, value.to_string()); }
  void visit(const char* name, Extent2D& value) override { add(name, value.to_string()); }
  void visit(const char* name, Padding& value) override { add(name, value.to_string()); }
  void visit(const char* /*name*/, Initializer& /*value*/) override {}
  void begin_child() override {}
  void end_child() override {}

 private:
  [[gnu::cold]] void add(const char* name, const std::string& value) {
    (((text_ += text_.empty() ? "{" : ", ") += name) += ' ') += value;
  }

  std::string text_;
};

}  // namespace detail

}  // namespace nn
