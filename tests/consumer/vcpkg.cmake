# Runs packaging/vcpkg/portfile.cmake with stand-ins for vcpkg's functions, as far as they concern this
# port: cmake -D NN_SOURCE=... -D WORK=... -P vcpkg.cmake installs into ${WORK}/prefix.
cmake_minimum_required(VERSION 3.25)

set(CURRENT_PORT_DIR ${NN_SOURCE}/packaging/vcpkg)
set(CURRENT_PACKAGES_DIR ${WORK}/prefix)
set(PORT nn)

function(run)
  execute_process(COMMAND ${CMAKE_COMMAND} ${ARGV} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  foreach(option IN LISTS arg_OPTIONS)
    string(REGEX REPLACE "^-D([A-Z_]+)=.*" "\\1" name "${option}")
    file(STRINGS ${arg_SOURCE_PATH}/CMakeLists.txt declared REGEX "^option\\(${name} ")
    if(NOT declared)
      message(FATAL_ERROR "The port sets ${name}, which is no option of the project")
    endif()
  endforeach()
  run(-S ${arg_SOURCE_PATH} -B ${WORK}/build --install-prefix ${CURRENT_PACKAGES_DIR}
      ${arg_OPTIONS})
endfunction()

function(vcpkg_cmake_install)
  run(--install ${WORK}/build)
endfunction()

# vcpkg keeps what find_package reads in share/<port>, and moves the prefix that it counts from.
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "PACKAGE_NAME;CONFIG_PATH" "")
  set(share ${CURRENT_PACKAGES_DIR}/share/${arg_PACKAGE_NAME})
  file(RENAME ${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH} ${share})
  file(READ ${share}/nnConfig.cmake config)
  string(REPLACE "\${CMAKE_CURRENT_LIST_DIR}/../../../" "\${CMAKE_CURRENT_LIST_DIR}/../../" config
                 "${config}")
  file(WRITE ${share}/nnConfig.cmake "${config}")
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/share/pkgconfig/nn.pc)
    message(FATAL_ERROR "No nn.pc was installed")
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(INSTALL ${arg_FILE_LIST} DESTINATION ${CURRENT_PACKAGES_DIR}/share/${PORT})
endfunction()

include(${CURRENT_PORT_DIR}/portfile.cmake)
