# The port of the repository that it lies in:
#
#   vcpkg install nn[json,zlib] --overlay-ports=packaging/vcpkg
#
# In a registry, vcpkg_from_github() takes the place of the line below. nn::image and nn::onnx are no
# features: they look for Debian's libstb and libonnx, which vcpkg builds otherwise.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../.." ABSOLUTE)

set(VCPKG_BUILD_TYPE release) # headers only

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DNN_BUILD_TESTS=OFF
        -DNN_BUILD_EXAMPLES=OFF
        -DNN_BUILD_BENCH=OFF
        -DNN_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME nn CONFIG_PATH share/cmake/nn)
vcpkg_fixup_pkgconfig()

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
