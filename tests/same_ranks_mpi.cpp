// The part of same_ranks_program.cpp that needs MPI.
#include <memory>

#include <nn/distributed/mpi.hpp>

std::unique_ptr<nn::Communicator> world_of_mpi(int& argc, char**& argv);

std::unique_ptr<nn::Communicator> world_of_mpi(int& argc, char**& argv) {
  return std::make_unique<nn::Mpi>(argc, argv);
}
