/// @file
/// A network with its weights.
#pragma once

#include <string_view>

#include "nn/core/subnormals.hpp"
#include "nn/layers/sequential.hpp"
#include "nn/train/model_memory.hpp"

namespace nn {

/// How a model starts.
struct ModelOptions {
  std::uint64_t seed = 0;  ///< of the initial weights and of the random numbers of training passes
};

template <Layer Network, class T = float>
class Model;
template <Layer Network, class T>
[[nodiscard]] Model<Network, T> inference_form(const Model<Network, T>& model);

namespace detail {

/// How an inference form predicts, where not by the network's own pass over the batch
/// (prediction_parts.hpp): pointers, so that programs that make none do not compile it.
template <class Network, class T>
struct PredictionPass {
  Memory (*memory)(const Network& network, const Plan& plan, Index batch) = nullptr;
  void (*run)(const Network& network, const Context<T>& context, TensorView<const T> x,
              TensorView<T> y) = nullptr;
};

}  // namespace detail

/// What a backward pass is to compute.
struct BackwardOptions {
  bool parameter_gradients = true;  ///< add to the parameters' gradients
  bool input_gradient = false;      ///< compute that of the input
};

/// A network and everything of it that changes: one contiguous block of parameters, one of
/// gradients, one of state (running statistics), and the memory of a training step, which is laid
/// out once for a batch size and used again. A training step therefore allocates nothing, an
/// optimizer is a loop over one array, and a checkpoint is one array.
///
/// `predict` is const and safe from several threads at once; everything else is not.
template <Layer Network, class T>
class Model {
 public:
  using Scalar = T;

  /// Lays out `network` for samples of shape `input` and draws its weights.
  /// @throws ShapeError naming the layer that cannot take what it is given.
  // By reference: gcc 12.2 may pass a layer wrongly by value (see cmake/nnTargets.cmake).
  // NOLINTNEXTLINE(modernize-pass-by-value)
  [[gnu::cold]] Model(const Network& network, const Shape& input, const ModelOptions& options = {})
      : network_(network), plan_(plan_of(network, input)), seed_(options.seed) {
    place();
    reset(options.seed);
  }

  /// Whether it takes training passes: not in its `inference_form`.
  [[nodiscard]] bool learns() const { return learns_; }

  /// The layers.
  [[nodiscard]] const Network& network() const { return network_; }
  /// The network for this input, as laid out.
  [[nodiscard]] const Plan& plan() const { return plan_; }
  /// Of one sample.
  [[nodiscard]] const Shape& input_shape() const { return plan_.input; }
  /// Of one sample.
  [[nodiscard]] const Shape& output_shape() const { return plan_.output; }

  /// The whole block of parameters, in the order of `variables()`.
  [[nodiscard]] TensorView<T> parameters() {
    forget_packed_weights();
    return parameters_;
  }
  /// Likewise, to read.
  [[nodiscard]] TensorView<const T> parameters() const { return parameters_; }
  /// The gradients of the last backward passes, laid out as the parameters are.
  [[nodiscard]] TensorView<T> gradients() {
    if (gradients_are_zero_) gradients_.fill(T(0));
    gradients_are_zero_ = false;
    return gradients_;
  }
  /// Running statistics and the like, in the order of `states()`.
  [[nodiscard]] TensorView<T> state() { return state_; }
  /// Likewise, to read.
  [[nodiscard]] TensorView<const T> state() const { return state_; }

  /// The name ("2.weight"), shape and place of every parameter.
  [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }
  /// Names and shapes of the state, in the order of the block.
  [[nodiscard]] const std::vector<Variable>& states() const { return states_; }

  /// One flag a parameter, in the order of `variables()`: whether it is learned.
  [[nodiscard]] const std::vector<bool>& trainable() const { return trainable_; }

  /// The parameter or state called `name`.
  /// @throws Error naming the existing ones when there is none of this name.
  [[nodiscard]] TensorView<T> parameter(std::string_view name) {
    const Variable& variable = find(variables_, name, "parameter");
    return {parameters().data() + variable.offset, variable.shape};
  }
  /// Likewise, to read.
  [[nodiscard]] TensorView<const T> parameter(std::string_view name) const {
    const Variable& variable = find(variables_, name, "parameter");
    return {parameters_.data() + variable.offset, variable.shape};
  }

  /// Draws new weights and forgets statistics and gradients.
  void reset(std::uint64_t seed) {
    seed_ = seed;
    step_ = 0;
    forget_packed_weights();
    draw(variables_, parameters_);
    draw(states_, state_);
    zero_gradients();
  }

  /// Holds the layer at `path` ("3", its name, or "" for all), and those below it, as they are, or
  /// lets them learn again: parameters have no gradients, and a BatchNorm does as in inference, so
  /// that its running statistics stay too. Dropout goes on.
  /// @throws Error when there is no such layer.
  void freeze(std::string_view path, bool frozen = true) {
    bool found = false;
    Plan::for_each(plan_, [&](Plan& plan) {
      if (plan.path != path && !is_below(plan.path, path)) return;
      plan.trainable = !frozen;
      found = true;
    });
    require(found, "there is no layer at '", path, "' to freeze");
    find_trainable();
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      if (!trainable_[i]) gradient_of(i).fill(T(0));
    }
  }

  /// Runs a training pass over a batch: remembers what `backward` needs, updates running
  /// statistics, and draws dropout masks. `x` must stay as it is until `backward` has returned. The
  /// result is the model's, until the next pass.
  /// @throws ShapeError when x is not a batch of samples of `input_shape()`.
  TensorView<const T> forward(TensorView<const T> x) { return begin_pass(x, {}); }

  /// The same for samples that go on where `carried` says, which then says where they end. Another
  /// pass over the same batch needs a copy from before.
  /// @throws ShapeError also when `carried` is one of other layers or of another number of samples.
  TensorView<const T> forward(TensorView<const T> x, CarriedState<T>& carried) {
    return begin_pass(x, rows_of(carried, check(x)));
  }

  /// What samples of batches of `samples` carry over from one to the next; now they begin.
  /// @throws Error when no layer carries anything, or one needs its whole sequence at once.
  [[nodiscard]] CarriedState<T> carried_state(Index samples) const { return {plan_, samples}; }

  /// Runs the last `forward` backward, given the loss's gradient with respect to its result. Adds
  /// to `gradients()`. Returns the gradient with respect to the input if it was asked for, else
  /// nothing.
  /// @throws Error when no `forward` came before, ShapeError when dy has not the output's shape.
  TensorView<const T> backward(TensorView<const T> dy, const BackwardOptions& options = {}) {
    const detail::FlushSubnormals flush;
    require(!pass_->input.empty(), "Model::backward needs a forward pass before it");
    const Shape& expected = pass_->output.shape();
    require<ShapeError>(dy.shape() == expected, "the gradient of an output of shape ", expected,
                        " was given as ", dy.shape());
    Context<T> context = training_context(pass_->input.shape().front());
    context.wants_input_gradient = options.input_gradient;
    context.wants_parameter_gradients = options.parameter_gradients;
    context.accumulate = !gradients_are_zero_;
    TensorView<T> dx;
    if (options.input_gradient) {
      pass_->input_gradient.resize(pass_->input.shape());
      dx = pass_->input_gradient;
    }
    if (sharing_ != nullptr && options.parameter_gradients) use_blocks(context);
    run_backward<T>(network_, context, pass_->input, pass_->output, dy, dx);
    if (context.piece_gradients != nullptr) sum_over_pieces(context);
    if (options.parameter_gradients) gradients_are_zero_ = false;
    return dx;
  }

  /// Forgets the gradients: the next backward pass writes instead of adding.
  void zero_gradients() { gradients_are_zero_ = true; }

  /// The network's output for a batch, as in use: running statistics, no dropout. Any number of
  /// samples; safe from several threads.
  [[nodiscard]] Tensor<T> predict(TensorView<const T> x) const {
    Tensor<T> y(plan_.output.prepended(check(x)));
    predict(x, y);
    return y;
  }

  /// The same for samples that go on where `carried` says, which then says where they end. Piece by
  /// piece, or step by step, sequences so give what they give at once.
  /// @throws ShapeError also when `carried` is one of other layers or of another number of samples.
  [[nodiscard]] Tensor<T> predict(TensorView<const T> x, CarriedState<T>& carried) const {
    Tensor<T> y(plan_.output.prepended(check(x)));
    predict(x, y, nullptr, &carried);
    return y;
  }

  /// The same, into `y`: allocates nothing once a pass of this size has been made. `observer` is
  /// told of every layer's result, for up to 256 samples at a time, in order. `carried` as above.
  void predict(TensorView<const T> x, TensorView<T> y, Observer<T>* observer = nullptr,
               CarriedState<T>* carried = nullptr) const {
    const detail::FlushSubnormals flush;
    const Index batch = check(x);
    require<ShapeError>(y.shape() == plan_.output.prepended(batch), "predict writes ",
                        plan_.output.prepended(batch), ", but was given ", y.shape());
    const CarriedRows<T> rows = carried != nullptr ? rows_of(*carried, batch) : CarriedRows<T>{};
    detail::PassMemory workspace = workspaces_->borrow();
    for (Index first = 0; first < batch; first += prediction_batch) {
      const Index count = std::min(prediction_batch, batch - first);
      const bool used = workspace.reserve_for(count, [&] {
        return prediction_.memory != nullptr ? prediction_.memory(network_, plan_, count)
                                             : memory_of<T>(network_, plan_, count, false);
      });
      Context<T> context = blocks();
      context.kept = workspace.kept();
      context.scratch = workspace.scratch();
      context.weights_are_packed = used;
      context.observer = observer;
      context.carried = rows.from(first);
      const auto run = prediction_.run != nullptr ? prediction_.run : run_forward<T, Network>;
      run(network_, context, x.samples(first, count), y.samples(first, count));
    }
    workspaces_->give_back(std::move(workspace));
  }

  /// How many training passes have been made: part of what makes the next one's random numbers.
  [[nodiscard]] std::uint64_t step() const { return step_; }
  /// As if so many training passes had been made: for going on from a checkpoint.
  void set_step(std::uint64_t step) { step_ = step; }
  /// As given.
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  /// Overwrites all that a pass has to write itself with NaN, so that a layer that leaves something
  /// out, or adds where it should write, is found out. `check_gradients` uses it.
  void poison() {
    const T nan = std::numeric_limits<T>::quiet_NaN();
    pass_->workspace.poison();
    pass_->output.fill(nan);
    pass_->input_gradient.fill(nan);
    for (std::size_t i = 0; gradients_are_zero_ && i < variables_.size(); ++i) {
      if (trainable_[i]) gradient_of(i).fill(nan);
    }
  }

  /// Told of every layer's results in training passes; null for nobody. Not owned.
  void observe(Observer<T>* observer) { observer_ = observer; }

  /// Makes training passes those of this process's samples of a batch that several processes share:
  /// `forward` takes these, and after `backward` the gradients are the sums over all processes, the
  /// same in all. To be called before each batch; null: batches are this process's alone. Not
  /// owned. `fit` calls it by itself; see `SharedBatches` for loops of one's own.
  /// @throws Error for a layer that is made of layers and has parameters besides.
  [[gnu::cold, gnu::noinline]] void share(BatchSharing* sharing) {
    if (sharing == nullptr) return unshare();
    sharing_ = sharing;
    const Index pieces = sharing->pieces();
    if (plan_.pieces == pieces) return;
    Plan::for_each(plan_, [pieces](Plan& plan) {
      require(plan.children.empty() || plan.parameters.empty(),
              "processes cannot share the batches of ", plan.name,
              ": it is made of layers and has parameters besides");
      plan.pieces = pieces;
    });
  }

  /// Makes batches this process's alone again.
  [[gnu::cold, gnu::noinline]] void unshare() noexcept {
    sharing_ = nullptr;
    Plan::for_each(plan_, [](Plan& plan) { plan.pieces = 0; });
  }

  /// The bytes of memory that a training pass over `batch` samples takes, besides the weights.
  [[nodiscard]] Memory training_memory(Index batch) const {
    return memory_of<T>(network_, plan_, batch, true);
  }

 private:
  friend Model inference_form<>(const Model& model);

  /// For its inference form: as `plan` has it, without weights.
  [[gnu::cold]] Model(Plan plan, const Network& network, std::uint64_t seed)
      : network_(network), plan_(std::move(plan)), seed_(seed), learns_(false) {
    place();
  }

  TensorView<const T> begin_pass(TensorView<const T> x, const CarriedRows<T>& carried) {
    const detail::FlushSubnormals flush;
    require(learns_,
            "the inference form of a model takes no training passes; train the model that "
            "it is made of");
    const Index batch = check(x);
    pass_->workspace.reserve(training_memory(batch));
    pass_->output.resize(plan_.output.prepended(batch));
    pass_->input = x;
    ++step_;
    if (sharing_ != nullptr) require_own_samples(batch);
    Context<T> context = training_context(batch);
    context.carried = carried;
    run_forward<T>(network_, context, x, pass_->output.view());
    return pass_->output;
  }

  /// What a batch of so many samples goes on from. @throws ShapeError when it does not fit.
  [[nodiscard]] CarriedRows<T> rows_of(CarriedState<T>& carried, Index batch) const {
    carried.require_fits(plan_, batch);
    return {carried.values().data(), batch};
  }

  /// How many samples `predict` takes at a time, which bounds its memory.
  static constexpr Index prediction_batch = 256;

  /// What lasts from a forward to its backward pass.
  struct TrainingPass {
    detail::PassMemory workspace;
    TensorView<const T> input;
    Tensor<T> output;
    Tensor<T> input_gradient;
  };

  /// For weights that may change, in an inference form.
  [[gnu::cold, gnu::noinline]] void forget_packed_weights() {
    if (!learns_) workspaces_->clear();
  }

  /// Gives every layer its number and path, and every variable its place and full name.
  [[gnu::cold]] void place() {
    set_paths(plan_, "");
    Index number = 0;
    Index parameters = 0;
    Index state = 0;
    Index carried = 0;
    Plan::for_each(plan_, [&](Plan& plan) {
      plan.number = number++;
      plan.carried_offset = carried;
      carried += plan.carried;
      lay_out(plan, plan.parameters, variables_, parameters);
      lay_out(plan, plan.state, states_, state);
    });
    try {
      parameters_.resize({parameters});
      gradients_.resize({parameters});
      state_.resize({state});
    } catch (const Error& error) {
      fail_for_memory(error);
    }
    find_trainable();
  }

  /// Names the parameter that takes most of the memory there is not.
  [[noreturn, gnu::cold, gnu::noinline]] void fail_for_memory(const Error& error) const {
    const auto largest = std::max_element(
        variables_.begin(), variables_.end(),
        [](const auto& a, const auto& b) { return a.shape.size() < b.shape.size(); });
    if (largest == variables_.end()) throw error;
    throw Error(detail::text("a model too large: ", error.what(), "; its largest parameter, ",
                             largest->name, ", is ", largest->shape));
  }

  [[gnu::cold, gnu::noinline]] static void set_paths(Plan& plan, const std::string& path) {
    plan.path = path;
    for (std::size_t i = 0; i < plan.children.size(); ++i) {
      Plan& child = plan.children[i];
      for (std::size_t other = 0; other < i && !child.label.empty(); ++other) {
        require(plan.children[other].label != child.label, "two layers of ", plan.name,
                " have the name '", child.label, "'");
      }
      const std::string step = child.label.empty() ? std::to_string(i) : child.label;
      set_paths(child, detail::text(path, path.empty() ? "" : ".", step));
    }
  }

  [[gnu::cold, gnu::noinline]] static void lay_out(const Plan& plan, std::vector<Variable>& own,
                                                   std::vector<Variable>& all, Index& offset) {
    for (Variable& variable : own) {
      variable.offset = offset;
      if (__builtin_add_overflow(offset, variable.shape.size(), &offset)) {
        detail::fail<Error>({"a model of too many parameters to count: ", variable.name, " of ",
                             plan.name, " is ", variable.shape});
      }
      Variable named = variable;
      if (!plan.path.empty()) named.name = detail::text(plan.path, '.', variable.name);
      all.push_back(std::move(named));
    }
  }

  [[nodiscard]] static bool is_below(std::string_view path, std::string_view ancestor) {
    return ancestor.empty() || (path.size() > ancestor.size() && path.starts_with(ancestor) &&
                                path[ancestor.size()] == '.');
  }

  [[nodiscard]] TensorView<T> gradient_of(std::size_t variable) {
    return {gradients_.data() + variables_[variable].offset, variables_[variable].shape};
  }

  void find_trainable() {
    trainable_ = std::vector<bool>(variables_.size());
    auto flag = trainable_.begin();
    Plan::for_each(plan_, [&flag](const Plan& plan) {
      for (std::size_t i = 0; i < plan.parameters.size(); ++i) *flag++ = plan.trainable;
    });
    find_trainable(plan_);
  }
  [[gnu::cold, gnu::noinline]] static bool find_trainable(Plan& plan) {
    plan.has_trainable = plan.trainable && !plan.parameters.empty();
    for (Plan& child : plan.children) {
      if (find_trainable(child)) plan.has_trainable = true;
    }
    return plan.has_trainable;
  }

  [[gnu::cold, gnu::noinline]] void draw(const std::vector<Variable>& variables, Tensor<T>& block) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      const TensorView<T> values{block.data() + variables[i].offset, variables[i].shape};
      initialize(values, variables[i].initializer, Random(seed_, i));
    }
  }

  [[nodiscard]] static const Variable& find(const std::vector<Variable>& variables,
                                            std::string_view name, std::string_view kind) {
    std::string known;
    for (const Variable& variable : variables) {
      if (variable.name == name) return variable;
      known += (known.empty() ? "" : ", ") + variable.name;
    }
    throw Error(detail::text("there is no ", kind, " '", name, "'; there are: ", known));
  }

  /// The number of samples in x. @throws ShapeError when they are not this model's.
  [[gnu::noinline]] [[nodiscard]] Index check(TensorView<const T> x) const {
    const bool fits = x.shape().rank() == plan_.input.rank() + 1 &&
                      x.shape().without_front() == plan_.input && x.shape().front() > 0;
    require<ShapeError>(fits, "the model takes batches of N x ", plan_.input, ", got ", x.shape());
    return x.shape().front();
  }

  [[gnu::cold, gnu::noinline]] void require_own_samples(Index batch) const {
    const Index own = sharing_->begin(sharing_->pieces());
    require<ShapeError>(batch == own, "this process has ", own, " samples of the batch, got ",
                        batch);
  }

  /// Has the pieces of a shared batch write their gradients to blocks of their own.
  [[gnu::cold, gnu::noinline]] void use_blocks(Context<T>& context) {
    context.parameter_count = gradients_.size();
    context.piece_gradients = sharing_->template blocks<T>(gradients_.size());
  }

  /// Adds up these blocks, here and elsewhere.
  [[gnu::cold, gnu::noinline]] void sum_over_pieces(const Context<T>& context) {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      const T* const sums = context.piece_gradients;
      sharing_->sum(context.piece_gradients, gradients_.size());
      for (std::size_t i = 0; i < variables_.size(); ++i) {
        const TensorView<T> gradient = gradient_of(i);
        const T* const sum = sums + variables_[i].offset;
        for (Index j = 0; trainable_[i] && j < gradient.size(); ++j) {
          gradient[j] = context.accumulate ? gradient[j] + sum[j] : sum[j];
        }
      }
    } else {
      throw Error("processes share batches of float and double alone");
    }
  }

  [[nodiscard]] Context<T> blocks() const {
    Context<T> context;
    context.plan = &plan_;
    context.parameter_block = parameters_.data();
    context.state_block = state_.data();
    context.seed = seed_;
    context.step = step_;
    return context;
  }

  [[nodiscard]] Context<T> training_context(Index batch) {
    Context<T> context = blocks();
    context.gradient_block = gradients_.data();
    context.new_state_block = state_.data();
    context.kept = pass_->workspace.kept();
    context.scratch = pass_->workspace.scratch();
    context.training = true;
    context.observer = observer_;
    if (sharing_ != nullptr) {
      context.sharing = sharing_;
      context.kept = Arena(context.kept.data(), training_memory(batch).kept);
    }
    return context;
  }

  Network network_;
  Plan plan_;
  std::vector<Variable> variables_;
  std::vector<Variable> states_;
  std::vector<bool> trainable_;
  Tensor<T> parameters_;
  Tensor<T> gradients_;
  Tensor<T> state_;
  bool gradients_are_zero_ = true;
  std::uint64_t seed_ = 0;
  std::uint64_t step_ = 0;
  bool learns_ = true;
  detail::PredictionPass<Network, T> prediction_;

  Observer<T>* observer_ = nullptr;
  BatchSharing* sharing_ = nullptr;
  detail::Fresh<TrainingPass> pass_;
  detail::Fresh<detail::FreeMemory> workspaces_;
};

}  // namespace nn
