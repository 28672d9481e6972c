# Makes the library's targets, for the build tree and for the installed nnConfig.cmake alike: in both
# cases it is the machine that compiles the headers that decides what is there to use.
#
#   nn::nn     the headers, C++20, Eigen, and OpenMP where it is found (NN_OPENMP: AUTO, ON or OFF)
#   nn::kernels  the kernels, compiled once for each instruction set and chosen when a program runs
#   nn::zlib   what reading .gz files takes
#   nn::image  what reading and writing PNG takes
#   nn::json   what reading and writing JSON and safetensors takes
#   nn::onnx   what writing and reading ONNX files takes
#   nn::mpi    what training on several machines takes
#   nn::plot   what drawing curves takes (gnuplot, when the program runs)
#
# A component whose package is missing is refused by name: linking to it stops CMake with a message
# that names the package.

include_guard(GLOBAL)

# nn_add_target(<component> [IMPORTED]) makes nn::<component> and returns in `target` the name by
# which its properties are set.
function(nn_add_target component)
  if(ARGV1 STREQUAL "IMPORTED")
    set(target nn::${component})
    add_library(${target} INTERFACE IMPORTED)
  else()
    set(target nn_${component})
    add_library(${target} INTERFACE)
    add_library(nn::${component} ALIAS ${target})
  endif()
  set(target ${target} PARENT_SCOPE)
endfunction()

# nn_add_component(<component> <library> <Debian package> [IMPORTED]) makes nn::<component>, which
# links <library>, or refuses to be linked when <library> is empty or ends in NOTFOUND. Sets
# nn_<component>_FOUND.
function(nn_add_component component library package)
  nn_add_target(${component} ${ARGN})
  if(library)
    target_link_libraries(${target} INTERFACE nn::nn ${library})
    set(nn_${component}_FOUND TRUE PARENT_SCOPE)
  else()
    target_link_libraries(${target} INTERFACE nn::${component}::needs::the::package::${package})
    set(nn_${component}_FOUND FALSE PARENT_SCOPE)
  endif()
  set(nn_${component}_PACKAGE ${package} PARENT_SCOPE)
endfunction()

# nn_add_kernels() makes nn::kernels, a library that the project compiles when something links to it:
# so its compiler, its OpenMP and its sanitizers are the program's. The instruction sets are compiled
# at the same time, a file each. Kernels are always optimised: at -O3, by which they gain up to a sixth
# over -O2 (bench/no_flags) for a sixth more time, but in programs to be debugged.
function(nn_add_kernels)
  set(sources "")
  foreach(part RANGE 0 4)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/nn_kernels/part${part}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#define NN_COMPILE_KERNELS\n#define NN_KERNELS_PART ${part}\n\
#include <nn/kernels/kernels.hpp>\n")
    list(APPEND sources ${source})
  endforeach()
  add_library(nn_kernels STATIC EXCLUDE_FROM_ALL ${sources})
  add_library(nn::kernels ALIAS nn_kernels)
  set_target_properties(nn_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON UNITY_BUILD OFF)
  target_compile_options(nn_kernels PRIVATE $<IF:$<CONFIG:Debug>,-O2,-O3>)
  target_compile_definitions(nn_kernels INTERFACE NN_SEPARATE_KERNELS)
  target_link_libraries(nn_kernels PUBLIC nn::nn)
endfunction()

# nn_add_targets(<include directory> [IMPORTED]) makes all of them.
function(nn_add_targets include_directory)
  # Eigen's file refuses every version that does not begin with the one asked for, so 5 for 3.4.
  find_package(Eigen3 REQUIRED CONFIG GLOBAL)
  if(Eigen3_VERSION VERSION_LESS 3.4)
    message(FATAL_ERROR "nn needs Eigen 3.4 or newer; ${Eigen3_DIR} is Eigen ${Eigen3_VERSION}")
  endif()
  nn_add_target(nn ${ARGN})
  target_include_directories(${target} INTERFACE ${include_directory})
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_link_libraries(${target} INTERFACE Eigen3::Eigen)
  # gcc 12.1 and 12.2 take constants that begin with equal numbers and end in zeros, as layers often
  # are, for numbers that are all equal (gcc's bug 108599). This keeps them from the instruction that
  # they do it with.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|i.86")
    set(gcc "$<CXX_COMPILER_ID:GNU>")
    set(since "$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,12>")
    set(until "$<VERSION_LESS:$<CXX_COMPILER_VERSION>,12.3>")
    target_compile_options(
      ${target} INTERFACE "$<$<AND:${gcc},${since},${until}>:-mtune-ctrl=^inter_unit_moves_to_vec>")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12
       AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12.3)
      set(nn_compiler_has_fault_108599 TRUE PARENT_SCOPE)
    endif()
  endif()

  set(wanted AUTO)
  if(DEFINED NN_OPENMP)
    set(wanted ${NN_OPENMP})
  endif()
  if(wanted STREQUAL "AUTO")
    find_package(OpenMP QUIET GLOBAL COMPONENTS CXX)
  elseif(wanted)
    find_package(OpenMP REQUIRED GLOBAL COMPONENTS CXX)
  endif()
  if(wanted AND TARGET OpenMP::OpenMP_CXX)
    target_link_libraries(${target} INTERFACE OpenMP::OpenMP_CXX)
    set(nn_openmp_flags ${OpenMP_CXX_FLAGS} PARENT_SCOPE)
  endif()

  if(NOT TARGET nn::kernels)
    nn_add_kernels()
  endif()

  find_package(ZLIB QUIET GLOBAL)
  set(zlib "")
  if(TARGET ZLIB::ZLIB)
    set(zlib ZLIB::ZLIB)
  endif()
  nn_add_component(zlib "${zlib}" zlib1g-dev ${ARGN})

  find_path(NN_STB_INCLUDE_DIR stb/stb_image_write.h)
  find_library(NN_STB_LIBRARY stb)
  mark_as_advanced(NN_STB_INCLUDE_DIR NN_STB_LIBRARY)
  if(NN_STB_INCLUDE_DIR)
    nn_add_component(image "${NN_STB_LIBRARY}" libstb-dev ${ARGN})
  else()
    nn_add_component(image "" libstb-dev ${ARGN})
  endif()
  if(nn_image_FOUND)
    target_include_directories(${target} SYSTEM INTERFACE ${NN_STB_INCLUDE_DIR})
  endif()

  find_package(nlohmann_json QUIET CONFIG GLOBAL)
  set(json "")
  if(TARGET nlohmann_json::nlohmann_json)
    set(json nlohmann_json::nlohmann_json)
  endif()
  nn_add_component(json "${json}" nlohmann-json3-dev ${ARGN})

  # ONNX's generated classes and the Protocol Buffers that they stand on are packages of their own.
  find_package(Protobuf QUIET GLOBAL)
  set(onnx "")
  set(onnx_package libprotobuf-dev)
  if(TARGET protobuf::libprotobuf)
    set(onnx_package libonnx-dev)
    find_package(ONNX QUIET CONFIG GLOBAL)
    if(TARGET onnx_proto)
      set(onnx onnx_proto)
    elseif(TARGET ONNX::onnx_proto)  # its name in Debian 13
      set(onnx ONNX::onnx_proto)
    endif()
  endif()
  nn_add_component(onnx "${onnx}" ${onnx_package} ${ARGN})

  # By its C interface, so without MPI's own C++ library.
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET GLOBAL COMPONENTS CXX)
  set(mpi "")
  if(MPI_CXX_FOUND) # its target is made in any case
    set(mpi MPI::MPI_CXX)
  endif()
  nn_add_component(mpi "${mpi}" libopenmpi-dev ${ARGN})

  nn_add_component(plot nn::nn gnuplot-nox ${ARGN})

  foreach(component IN ITEMS zlib image json onnx mpi plot)
    set(nn_${component}_FOUND ${nn_${component}_FOUND} PARENT_SCOPE)
    set(nn_${component}_PACKAGE ${nn_${component}_PACKAGE} PARENT_SCOPE)
  endforeach()
endfunction()
