# Every third-party library, all from Debian packages. scripts/setup installs them.
include(FindPackageHandleStandardArgs)

find_package(Threads REQUIRED)
find_package(Asio REQUIRED)
find_package(LMDB REQUIRED)
find_package(llhttp REQUIRED)
find_package(xxHash REQUIRED)
find_package(doctest REQUIRED MODULE)
find_package(rapidcheck REQUIRED MODULE)

# Packages that bring their own CMake configuration, named by the Debian package.
function(ticketd_find_config package debian_package)
  find_package(${package} CONFIG QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} not found: install the Debian package ${debian_package}"
                        " (or run scripts/setup)")
  endif()
  message(STATUS "Found ${package}: ${${package}_DIR} (${${package}_VERSION})")
endfunction()

# Imported targets are seen only in the directory that made them unless they are global.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
ticketd_find_config(CLI11 libcli11-dev)
ticketd_find_config(spdlog libspdlog-dev)
ticketd_find_config(nlohmann_json nlohmann-json3-dev)

# Scripts under test use the system's interpreter and its standard library alone.
find_program(TICKETD_PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
# Without it there are no micro-benchmarks.
find_package(benchmark CONFIG QUIET)
