#include <nn/data/gzip.hpp>
#include <nn/io/safetensors.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/plot.hpp>

int main() {}
