# How the folders say what they build. Headers are included from the root: "raft/node.h".
#
#   ticketd_library(<folder> SOURCES <file>... [LINKS <target>...])
#   ticketd_executable(<name> SOURCES <file>... [LINKS <target>...])
#   ticketd_test(<folder> SOURCES <file>... [LINKS <target>...] [LABELS <label>...] [TIMEOUT <s>])
#   ticketd_script_test(<name> COMMAND <argument>... [DEPENDS <target>...] [LABELS <label>...]
#                       [TIMEOUT <s>])
#
# A test has its folder's name as a label; the label "threads" has it run under the thread
# sanitizer too.

set(TICKETD_TEST_TIMEOUT_S 120)

add_library(ticketd_options INTERFACE)
target_compile_options(
  ticketd_options
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wnon-virtual-dtor
            -Wold-style-cast
            -Werror
            # Messages name files as "raft/node.cpp", wherever the tree stands.
            -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns of overlapping copies inside std::string (GCC bug 105651), and takes the inactive
  # alternatives of a std::variant that it moves for uninitialised variables.
  target_compile_options(ticketd_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
  if(TICKETD_SANITIZE STREQUAL "thread")  # it warns of fences, which are in Asio alone
    target_compile_options(ticketd_options INTERFACE -Wno-tsan)
  endif()
endif()
target_include_directories(ticketd_options INTERFACE ${TICKETD_PLANTED_DIR} ${PROJECT_SOURCE_DIR})
target_link_libraries(ticketd_options INTERFACE Threads::Threads)

# What the thread sanitizer's build needs: the tests labelled "threads" and what they start.
add_custom_target(thread_tests)

function(ticketd_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  ticketd_planted_sources(sources ${arg_SOURCES})
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE ticketd_options PUBLIC ${arg_LINKS})
endfunction()

function(ticketd_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ticketd_options ${arg_LINKS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()

function(ticketd_test folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LINKS;LABELS")
  set(name test_${folder})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ticketd_options test_main doctest::doctest ${arg_LINKS})
  add_test(NAME ${folder} COMMAND ${name})
  ticketd_test_properties(${folder} "${folder};${arg_LABELS}" "${arg_TIMEOUT}" "${name}")
endfunction()

function(ticketd_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;DEPENDS;LABELS")
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  # The path is set whether or not this test uses it: cli/ may be configured later.
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "TICKETD=${PROJECT_BINARY_DIR}/ticketd")
  ticketd_test_properties(${name} "${arg_LABELS}" "${arg_TIMEOUT}" "${arg_DEPENDS}")
endfunction()

function(ticketd_test_properties name labels timeout_s targets)
  if(NOT timeout_s)
    set(timeout_s ${TICKETD_TEST_TIMEOUT_S})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout_s})
  if("threads" IN_LIST labels AND targets)
    add_dependencies(thread_tests ${targets})
  endif()
endfunction()
