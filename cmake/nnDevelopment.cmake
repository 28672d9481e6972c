# What the repository's own programs (tests, examples, benchmarks) are compiled with, and nobody
# else's: nn_add_program() and the target nn_flags.

option(NN_NATIVE "Compile the tests, examples and benchmarks for this machine's processor" ON)
option(NN_SHORT_TESTS "Build the short test suite only" OFF)
option(NN_WERROR "Make warnings errors" OFF)
set(NN_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread, or nothing")
set_property(CACHE NN_SANITIZE PROPERTY STRINGS "" "address,undefined" thread)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)

find_program(NN_CCACHE ccache)
mark_as_advanced(NN_CCACHE)
if(NN_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # What is found again from one clone to the next, and in spite of a precompiled header. By the files
  # as they are (CCACHE_DEPEND) and not as preprocessed: a precompiled header from before a comment
  # changed would be found again, and gcc then takes a header that it holds for another one.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${NN_CCACHE})
endif()

add_library(nn_flags INTERFACE)
target_compile_options(
  nn_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${NN_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # gcc 12 takes "text" + std::string for an overlapping copy (its bug 105651).
  target_compile_options(nn_flags INTERFACE -Wno-restrict)
endif()
if(NN_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native NN_HAS_MARCH_NATIVE)
  if(NN_HAS_MARCH_NATIVE)
    target_compile_options(nn_flags INTERFACE -march=native)
  endif()
endif()
if(NN_SANITIZE)
  target_compile_options(nn_flags INTERFACE -fsanitize=${NN_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
  target_link_options(nn_flags INTERFACE -fsanitize=${NN_SANITIZE})
  # Optimised, or the tests take minutes more than these do to compile. Of undefined behaviour they are
  # not asked what would make compiling them take 2.4 times as long, and what the address sanitizer
  # finds as well where memory is read or written.
  target_compile_options(
    nn_kernels PRIVATE -O1 -fsanitize=${NN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(NN_SANITIZE MATCHES "undefined")
    target_compile_options(nn_kernels PRIVATE -fno-sanitize=alignment,null,object-size,pointer-overflow)
  endif()
  # Those for AVX-512 do not run where there is none.
  if(EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo nn_has_avx512 LIMIT_COUNT 1 REGEX avx512dq)
    if(NOT nn_has_avx512)
      set_source_files_properties(${PROJECT_BINARY_DIR}/nn_kernels/part3.cpp
                                  PROPERTIES COMPILE_OPTIONS "-O0;-fno-sanitize=all")
    endif()
  endif()
endif()
if(NN_SHORT_TESTS)
  target_compile_options(nn_kernels PRIVATE -O1)
endif()

# nn_require_components(<what> <component>...) stops unless every component is there, naming the
# packages to install.
function(nn_require_components what)
  set(missing "")
  foreach(component IN LISTS ARGN)
    if(NOT nn_${component}_FOUND)
      list(APPEND missing ${nn_${component}_PACKAGE})
    endif()
  endforeach()
  if(missing)
    list(JOIN missing " " missing)
    message(FATAL_ERROR "${what} need: apt-get install ${missing}")
  endif()
endfunction()
