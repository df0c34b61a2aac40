# llhttp::llhttp; include <llhttp.h>.
# Debian 12 has the C sources and the header in node-llhttp; later releases a library in
# libllhttp-dev. The library is taken when both are there.
find_path(llhttp_INCLUDE_DIR llhttp.h PATH_SUFFIXES llhttp PATHS /usr/share/include)
find_library(llhttp_LIBRARY llhttp)
find_path(llhttp_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp)
if(llhttp_LIBRARY)
  set(llhttp_CODE ${llhttp_LIBRARY})
elseif(llhttp_SOURCE_DIR)
  set(llhttp_CODE ${llhttp_SOURCE_DIR})
endif()
find_package_handle_standard_args(
  llhttp REQUIRED_VARS llhttp_CODE llhttp_INCLUDE_DIR
  REASON_FAILURE_MESSAGE
    "install the Debian package libllhttp-dev, or node-llhttp on Debian 12 (or run scripts/setup)")

if(llhttp_FOUND AND NOT TARGET llhttp::llhttp)
  if(llhttp_LIBRARY)
    add_library(llhttp::llhttp UNKNOWN IMPORTED)
    set_target_properties(
      llhttp::llhttp PROPERTIES IMPORTED_LOCATION ${llhttp_LIBRARY}
                                INTERFACE_INCLUDE_DIRECTORIES ${llhttp_INCLUDE_DIR})
  else()
    add_library(third_party_llhttp STATIC ${llhttp_SOURCE_DIR}/api.c ${llhttp_SOURCE_DIR}/http.c
                                          ${llhttp_SOURCE_DIR}/llhttp.c)
    target_include_directories(third_party_llhttp SYSTEM PUBLIC ${llhttp_INCLUDE_DIR})
    add_library(llhttp::llhttp ALIAS third_party_llhttp)
  endif()
endif()
