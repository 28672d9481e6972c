/// @file
/// The base of layers that are made of layers.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "nn/layers/run.hpp"

namespace nn {

/// Reaches the layers that `Derived` is made of: it has `length()` and `visit(index, f)`, which
/// calls `f(layer)` for one of them.
template <class Derived>
class Composite {
 protected:
  /// The number of layers.
  [[nodiscard]] Index length() const { return derived().length(); }

  /// Calls `f(layer)` for layer `index`.
  template <class F>
  void visit(Index index, const F& f) const {
    derived().visit(index, f);
  }

  /// The plan of layer `index`.
  [[nodiscard]] static const Plan& child_of(const Plan& plan, Index index) {
    return plan.children[static_cast<std::size_t>(index)];
  }

  /// @throws ShapeError naming the layer and its place ("layer 3") when `input` does not fit.
  [[gnu::cold, gnu::noinline]] [[nodiscard]] Plan child_plan(Index index, const Shape& input,
                                                             const char* kind) const {
    std::optional<Plan> plan;
    try {
      visit(index, [&](const auto& layer) { keep(plan_of(layer, input), plan); });
    } catch (const ShapeError& error) {
      std::string name;
      visit(index, [&](const auto& layer) { name = name_of(layer); });
      detail::fail<ShapeError>({name, " (", kind, " ", index, "): ", error.what()});
    }
    return std::move(*plan);
  }

  /// The memory that layer `index` needs, in whole cache lines.
  template <class T>
  [[gnu::noinline]] [[nodiscard]] Memory child_memory(const Plan& plan, Index index, Index batch,
                                                      bool training) const {
    Memory memory;
    visit(index, [&](const auto& layer) {
      memory = memory_of<T>(layer, child_of(plan, index), batch, training);
    });
    memory.kept = bytes_for<std::byte>(memory.kept);
    memory.scratch = bytes_for<std::byte>(memory.scratch);
    return memory;
  }

  /// The same in a forward pass over `batch` samples, which may be a part of a batch: there has to
  /// be enough for the kernels that were chosen for the whole.
  template <class T>
  [[nodiscard]] Memory child_memory(const Context<T>& context, Index index, Index batch) const {
    return this->template child_memory<T>(*context.plan, index,
                                          std::max(batch, context.whole_batch), context.training);
  }

 private:
  [[gnu::cold, gnu::noinline]] static void keep(Plan&& plan, std::optional<Plan>& kept) {
    kept.emplace(std::move(plan));
  }

  const Derived& derived() const { return static_cast<const Derived&>(*this); }
};

namespace detail {

/// Layers known to the compiler, reached by a number known only at run time.
template <class... Layers>
class LayerTuple {
 public:
  constexpr explicit LayerTuple(const Layers&... layers) : layers_(layers...) {
    (assert_layer<Layers>(), ...);
  }

  [[nodiscard]] static constexpr Index length() { return static_cast<Index>(sizeof...(Layers)); }

  /// Calls `f` with layer `index`.
  template <class F>
  constexpr void visit(Index index, const F& f) const {
    visit_one(index, f, std::index_sequence_for<Layers...>{});
  }

  template <std::size_t I>
  [[nodiscard]] constexpr const auto& get() const {
    return std::get<I>(layers_);
  }

 protected:
  std::tuple<Layers...> layers_;

 private:
  template <class F, std::size_t... I>
  constexpr void visit_one(Index index, const F& f, std::index_sequence<I...> /*all*/) const {
    (void)((index == static_cast<Index>(I) && (f(std::get<I>(layers_)), true)) || ...);
  }
};

}  // namespace detail

}  // namespace nn
