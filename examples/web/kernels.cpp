// The library's kernels, compiled by themselves: examples/web/build makes the page's module of this
// and of nn_web.cpp.

#define NN_COMPILE_KERNELS
#include <nn/kernels/kernels.hpp>
