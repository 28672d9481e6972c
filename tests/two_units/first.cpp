// Every header of the library in two translation units of one program: what is defined in a header
// without being inline makes the linker refuse this.
#define NN_COMPILE_KERNELS
#include <nn/kernels/kernels.hpp>

#include "every_header.hpp"

nn::Index second();

int main() { return second() == nn::Shape{2, 3}.size() ? 0 : 1; }
