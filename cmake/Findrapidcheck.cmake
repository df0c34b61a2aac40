# rapidcheck::rapidcheck; include <rapidcheck.h>.
find_path(rapidcheck_INCLUDE_DIR rapidcheck.h)
find_library(rapidcheck_LIBRARY rapidcheck)
find_package_handle_standard_args(
  rapidcheck REQUIRED_VARS rapidcheck_LIBRARY rapidcheck_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install the Debian package librapidcheck-dev (or run scripts/setup)")

if(rapidcheck_FOUND AND NOT TARGET rapidcheck::rapidcheck)
  add_library(rapidcheck::rapidcheck UNKNOWN IMPORTED)
  set_target_properties(
    rapidcheck::rapidcheck PROPERTIES IMPORTED_LOCATION ${rapidcheck_LIBRARY}
                                      INTERFACE_INCLUDE_DIRECTORIES ${rapidcheck_INCLUDE_DIR})
endif()
