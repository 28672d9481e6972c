// The page's proof as a module of its own, compiled with NN_EMULATE_FMA; nn.js loads it, too.

#include <cstdlib>
#include <memory>

#include "proof.hpp"

#define NN_EXPORT extern "C" __attribute__((used, visibility("default")))

namespace {

struct State {
  std::string error;
  std::string text;
  float loss = 0;
  std::unique_ptr<web::Proof> proof;
};

State& state() {
  static State instance;
  return instance;
}

/// Runs `work`; returns its result, or 0 with the error noted.
template <class Work>
auto guarded(const Work& work) -> decltype(work()) {
  try {
    state().error.clear();
    return work();
  } catch (const std::exception& error) {
    state().error = error.what();
  }
  return {};
}

}  // namespace

NN_EXPORT void* nn_alloc(int bytes) { return std::malloc(static_cast<std::size_t>(bytes)); }
NN_EXPORT void nn_free(void* memory) { std::free(memory); }
/// What went wrong in the last call; "" if nothing did.
NN_EXPORT const char* nn_error() { return state().error.c_str(); }

/// Begins anew, with `count` images of 28x28 bytes. Returns the number of steps.
NN_EXPORT int nn_proof_begin(const std::uint8_t* images, const std::uint8_t* labels, int count) {
  return guarded([&] {
    nn::Tensor<std::uint8_t> pixels({count, 28, 28, 1});
    std::copy_n(images, pixels.size(), pixels.begin());
    state().proof = std::make_unique<web::Proof>(
        nn::Dataset(std::move(pixels), std::vector<nn::Label>(labels, labels + count)));
    return static_cast<int>(state().proof->steps());
  });
}

/// Makes one step. Returns where the loss is.
NN_EXPORT const float* nn_proof_step() {
  return guarded([&]() -> const float* {
    nn::require(state().proof != nullptr, "no proof has begun");
    state().loss = state().proof->step();
    return &state().loss;
  });
}

/// The SHA-256 of the weights as they are.
NN_EXPORT const char* nn_proof_sha256() {
  return guarded([&]() -> const char* {
    nn::require(state().proof != nullptr, "no proof has begun");
    state().text = state().proof->sha256();
    return state().text.c_str();
  });
}
