#define NN_COMPILE_KERNELS
#include <nn/core/kernels.hpp>
