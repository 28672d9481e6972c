# `cmake --install`: the headers, what find_package(nn CONFIG) reads, and what pkg-config does.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(nn_cmake_directory ${CMAKE_INSTALL_DATADIR}/cmake/nn)
set(nn_pkgconfig_directory ${CMAKE_INSTALL_DATADIR}/pkgconfig)

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/nnConfig.cmake.in ${PROJECT_BINARY_DIR}/nnConfig.cmake
  INSTALL_DESTINATION ${nn_cmake_directory}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/nnConfigVersion.cmake
  COMPATIBILITY SameMajorVersion
  ARCH_INDEPENDENT)

# nn.pc finds the headers from where it lies, so that an installed tree can be moved.
file(RELATIVE_PATH nn_prefix_from_pc /prefix/${nn_pkgconfig_directory} /prefix)
# It speaks for the compiler that installs: pkg-config knows no other.
set(nn_gcc_12_flag "")
if(nn_compiler_has_fault_108599)
  set(nn_gcc_12_flag " -mtune-ctrl=^inter_unit_moves_to_vec")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/nn.pc.in ${PROJECT_BINARY_DIR}/nn.pc @ONLY)

# nn-zlib.pc and the like: the components whose packages bring a .pc file of their own. MPI's is that
# of Open MPI; MPICH's compiler, mpicxx, needs none.
foreach(component_and_package IN ITEMS zlib=zlib image=stb json=nlohmann_json mpi=ompi)
  string(REPLACE "=" ";" pair ${component_and_package})
  list(GET pair 0 component)
  list(GET pair 1 package)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/nn-component.pc.in
                 ${PROJECT_BINARY_DIR}/nn-${component}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/nn-${component}.pc DESTINATION ${nn_pkgconfig_directory})
endforeach()

# The compiled kernels, with a file for pkg-config. CMake's nn::kernels does without: it compiles them
# in the project that uses it, by that project's compiler.
if(NN_INSTALL_KERNELS)
  set_target_properties(nn_kernels PROPERTIES EXCLUDE_FROM_ALL OFF)
  set(nn_library_pkgconfig_directory ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  file(RELATIVE_PATH nn_prefix_from_kernels_pc /prefix/${nn_library_pkgconfig_directory} /prefix)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/nn-kernels.pc.in ${PROJECT_BINARY_DIR}/nn-kernels.pc @ONLY)
  install(TARGETS nn_kernels ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(FILES ${PROJECT_BINARY_DIR}/nn-kernels.pc DESTINATION ${nn_library_pkgconfig_directory})
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/nn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_BINARY_DIR}/nnConfig.cmake ${PROJECT_BINARY_DIR}/nnConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/nnTargets.cmake
        DESTINATION ${nn_cmake_directory})
install(FILES ${PROJECT_BINARY_DIR}/nn.pc DESTINATION ${nn_pkgconfig_directory})

# `cpack` in the build folder: libnn-dev, a package of Debian's and Ubuntu's. Its parts are headers and
# text, so it installs on every architecture.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libnn-dev)
set(CPACK_PACKAGE_CONTACT "nn developers <nn@localhost>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libeigen3-dev (>= 3.4)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "zlib1g-dev, libstb-dev, nlohmann-json3-dev, gnuplot-nox")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libnn-dev RENAME copyright)
include(CPack)
