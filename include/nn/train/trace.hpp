/// @file
/// Where the time of a training step goes.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "nn/train/summary.hpp"

namespace nn {

/// How often to measure.
struct TraceOptions {
  Index repeats = 10;  ///< passes to measure, after one that is not; medians are reported
};

/// One layer's share of a forward and backward pass over a batch.
struct TraceRow {
  std::string path;             ///< of the layer in the network
  std::string name;             ///< of the layer
  std::string algorithms;       ///< that computed its output, then, where others, its gradients
  double forward_seconds = 0;   ///< of a batch
  double backward_seconds = 0;  ///< of a batch
  double forward_gflops = 0;    ///< 2 * multiply-adds a second, in 10^9; 0 for layers without any
  double backward_gflops = 0;   ///< likewise, with twice as many multiply-adds, for both gradients
  Index bytes = 0;              ///< input, output and parameters: what forward reads and writes
};

/// One stretch of time of the last pass, from its start on.
struct TraceEvent {
  std::string name;          ///< of the layer
  double start_seconds = 0;  ///< from the start of the pass
  double seconds = 0;        ///< of the layer alone
  bool backward = false;     ///< else forward
};

/// What `trace` measured. Writes itself to a stream as a table.
struct Trace {
  Index batch = 0;                 ///< samples
  std::vector<TraceRow> rows;      ///< one for each layer
  double forward_seconds = 0;      ///< of all layers
  double backward_seconds = 0;     ///< likewise
  std::vector<TraceEvent> events;  ///< of the last pass

  /// The last pass as chrome://tracing and Perfetto (https://ui.perfetto.dev) open it.
  [[nodiscard]] std::string chrome_json() const;
};

namespace detail {

/// Times every layer that is not made of others. An activation that is computed by the layer before
/// it counts there.
template <class T>
class Stopwatch final : public Observer<T> {
 public:
  using Clock = std::chrono::steady_clock;

  void before(const Plan& /*plan*/, bool /*is_backward*/) override { starts_.push_back(now()); }
  void after(const Plan& plan, bool is_backward, TensorView<const T> /*result*/) override {
    const double end = now();
    const double start = starts_.back();
    starts_.pop_back();
    if (!plan.children.empty()) return;
    times_[{plan.number, is_backward}].push_back(end - start);
    events_.push_back({plan.name, start, end - start, is_backward});
  }
  void computed(const Plan& plan, ConvolutionPass product, Algorithm algorithm) override {
    algorithms_[{plan.number, product}] = algorithm;
  }

  void start_pass() {
    events_.clear();
    first_ = Clock::now();
  }
  void forget() { times_.clear(); }

  /// 0 for a layer that was never run.
  [[nodiscard]] double median(const Plan& plan, bool backward) const {
    const auto found = times_.find({plan.number, backward});
    if (found == times_.end()) return 0;
    std::vector<double> sorted = found->second;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  /// "planes", or "planes; gradients: dots (input), gathered (weights)", or nothing.
  [[nodiscard]] std::string algorithms(const Plan& plan) const {
    const auto found = [&](ConvolutionPass product) {
      const auto at = algorithms_.find({plan.number, product});
      return at == algorithms_.end() ? Algorithm::automatic : at->second;
    };
    const Algorithm output = found(ConvolutionPass::forward);
    const Algorithm input = found(ConvolutionPass::backward_data);
    const Algorithm weights = found(ConvolutionPass::backward_weights);
    if (output == Algorithm::automatic) return {};
    const auto differs = [&](Algorithm algorithm) {
      return algorithm != Algorithm::automatic && algorithm != output;
    };
    std::string names(to_string(output));
    if (differs(input) || differs(weights)) names += "; gradients:";
    if (differs(input)) names += text(' ', to_string(input), " (input)");
    if (differs(weights)) {
      names += text(differs(input) ? ", " : " ", to_string(weights), " (weights)");
    }
    return names;
  }
  [[nodiscard]] const std::vector<TraceEvent>& events() const { return events_; }

 private:
  /// Seconds since the pass began.
  [[nodiscard]] double now() const {
    return std::chrono::duration<double>(Clock::now() - first_).count();
  }

  std::map<std::pair<Index, bool>, std::vector<double>> times_;
  std::map<std::pair<Index, ConvolutionPass>, Algorithm> algorithms_;
  std::vector<double> starts_;
  typename Clock::time_point first_{};
  std::vector<TraceEvent> events_;
};

/// A string of JSON, with its quotes.
[[nodiscard]] inline std::string json_string(const std::string& plain) {
  std::string quoted = "\"";
  for (const char c : plain) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + '"';
}

}  // namespace detail

inline std::string Trace::chrome_json() const {
  std::string json = "{\"traceEvents\": [\n";
  for (std::size_t i = 0; i < events.size(); ++i) {
    const TraceEvent& event = events[i];
    json += detail::text(
        R"({"name": )", detail::json_string(event.name), R"(, "cat": ")",
        event.backward ? "backward" : "forward", R"(", "ph": "X", "pid": 1, "tid": 1, "ts": )",
        detail::fixed(1e6 * event.start_seconds, 3), R"(, "dur": )",
        detail::fixed(1e6 * event.seconds, 3), "}", i + 1 < events.size() ? ",\n" : "\n");
  }
  return json + "]}\n";
}

inline std::ostream& operator<<(std::ostream& out, const Trace& trace) {
  std::vector<std::vector<std::string>> table{
      {"layer", "", "forward", "GFLOP/s", "backward", "GFLOP/s", "memory"}};
  const auto time = [](double seconds) { return detail::fixed(1e3 * seconds, 3) + " ms"; };
  const auto speed = [](double gflops) {
    return gflops > 0 ? detail::fixed(gflops, 1) : std::string();
  };
  for (const TraceRow& row : trace.rows) {
    const std::string by = row.algorithms.empty() ? "" : ": " + row.algorithms;
    table.push_back({row.path, row.name + by, time(row.forward_seconds), speed(row.forward_gflops),
                     time(row.backward_seconds), speed(row.backward_gflops),
                     detail::readable_bytes(row.bytes)});
  }
  detail::write_table(out, table);
  const double both = trace.forward_seconds + trace.backward_seconds;
  return out << "forward " << time(trace.forward_seconds) << ", backward "
             << time(trace.backward_seconds) << ", "
             << detail::fixed(static_cast<double>(trace.batch) / both, 0) << " samples/s\n";
}

/// Runs a copy of the model forward and backward over `inputs`, as in training but without loss and
/// optimizer, and measures every layer: `std::cout << nn::trace(model, batch)`.
/// @throws ShapeError when the inputs are no batch of the model's.
template <class Network, class T>
[[nodiscard]] Trace trace(const Model<Network, T>& original,
                          std::type_identity_t<TensorView<const T>> inputs,
                          const TraceOptions& options = {}) {
  require(options.repeats > 0, "trace needs a pass to measure, got ", options.repeats);
  Model<Network, T> model = original;
  detail::Stopwatch<T> watch;
  const Tensor<T> gradient(model.output_shape().prepended(inputs.shape().front()), T(1));
  model.observe(&watch);
  for (Index pass = 0; pass <= options.repeats; ++pass) {
    watch.start_pass();
    (void)model.forward(inputs);
    model.zero_gradients();
    model.backward(gradient);
    if (pass == 0) watch.forget();  // which allocates and warms up
  }
  Trace result;
  result.batch = inputs.shape().front();
  result.events = watch.events();
  const auto samples = static_cast<double>(result.batch);
  Plan::for_each(model.plan(), [&](const Plan& plan) {
    if (!plan.children.empty()) return;
    TraceRow row;
    row.path = plan.path;
    row.name = plan.name;
    row.algorithms = watch.algorithms(plan);
    row.forward_seconds = watch.median(plan, false);
    row.backward_seconds = watch.median(plan, true);
    const double work = 2e-9 * static_cast<double>(plan.multiply_adds) * samples;
    if (row.forward_seconds > 0) row.forward_gflops = work / row.forward_seconds;
    if (row.backward_seconds > 0) row.backward_gflops = 2 * work / row.backward_seconds;
    const Index elements = (plan.input.size() + plan.output.size()) * result.batch;
    row.bytes = (elements + detail::parameters_of(plan)) * static_cast<Index>(sizeof(T));
    result.forward_seconds += row.forward_seconds;
    result.backward_seconds += row.backward_seconds;
    result.rows.push_back(row);
  });
  return result;
}

}  // namespace nn
