/// @file
/// Several processes that train together.
#pragma once

#include <memory>

namespace nn {
class Communicator;
}

namespace example {

/// The processes that `mpirun` or `srun` has started with this one, `examples/run PROGRAM --ranks
/// N`; null for a process that was started alone, or built without MPI. Of all ranks but 0 nothing
/// is printed from here on. To be kept until the end of the program.
[[nodiscard]] std::shared_ptr<nn::Communicator> ranks();

}  // namespace example
