# Asio::Asio, the standalone library (without Boost). Its sources are compiled once, here, instead
# of in every file that includes a header.
find_path(Asio_INCLUDE_DIR asio.hpp)
find_package_handle_standard_args(
  Asio REQUIRED_VARS Asio_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install the Debian package libasio-dev (or run scripts/setup)")

if(Asio_FOUND AND NOT TARGET Asio::Asio)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/third_party/asio.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include <asio/impl/src.hpp>\n")
  add_library(third_party_asio STATIC ${source})
  target_include_directories(third_party_asio SYSTEM PUBLIC ${Asio_INCLUDE_DIR})
  # Asio 1.22 believes in std::aligned_alloc only when a standard header was included before it: said
  # here, so that no file frees in one way what another allocated in the other.
  target_compile_definitions(
    third_party_asio PUBLIC ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_SEPARATE_COMPILATION
                            ASIO_HAS_STD_ALIGNED_ALLOC=1)
  target_link_libraries(third_party_asio PUBLIC Threads::Threads)
  add_library(Asio::Asio ALIAS third_party_asio)
endif()
