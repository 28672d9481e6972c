#define NN_COMPILE_KERNELS
#include <nn/kernels/kernels.hpp>
