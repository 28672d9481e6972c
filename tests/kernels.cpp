#define NN_KERNELS_ARE_HERE
#include "kernels.hpp"
