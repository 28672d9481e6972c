#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "nn/kernels/kernels.hpp"
#include "nn/train/build_info.hpp"

namespace instruction_set_test {

TEST_CASE("the environment chooses among the kernels, and build_info says which") {
  const std::string in_use(nn::detail::kernels_in_use().name);
  const std::string all = ", " + nn::detail::kernels_to_choose_from() + ",";
  CHECK(all.find(", " + in_use + ",") != std::string::npos);
  CHECK(nn::build_info().find("kernels for " + in_use + " (of " + all.substr(2, all.size() - 3)) ==
        0);
  // tests/one_binary sets one or the other.
  for (const char* variable : {"NN_INSTRUCTION_SET", "NN_EXPECTED_INSTRUCTION_SET"}) {
    const char* const wanted = std::getenv(variable);
    if (wanted != nullptr && *wanted != '\0') CHECK(in_use == wanted);
  }
}

}  // namespace instruction_set_test
