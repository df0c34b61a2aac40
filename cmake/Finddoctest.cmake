# doctest::doctest; include <doctest/doctest.h>.
find_path(doctest_INCLUDE_DIR doctest/doctest.h)
find_package_handle_standard_args(
  doctest REQUIRED_VARS doctest_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install the Debian package doctest-dev (or run scripts/setup)")

if(doctest_FOUND AND NOT TARGET doctest::doctest)
  add_library(doctest::doctest INTERFACE IMPORTED)
  set_target_properties(doctest::doctest PROPERTIES INTERFACE_INCLUDE_DIRECTORIES
                                                    ${doctest_INCLUDE_DIR})
endif()
