// In a file of its own, since the name of a folder would keep the others from being found in a
// compiler's cache. __FILE__ is relative there.

#include "data_files.hpp"

const std::filesystem::path data_files::tests_folder = NN_TESTS_FOLDER;
