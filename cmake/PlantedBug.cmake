# One of the bugs of tests/sim/planted_bugs.py, compiled in to see what finds it:
#
#   cmake --preset release -B build/planted -DTICKETD_PLANTED_BUG=vote-not-saved
#
# "none" builds the tree as it is, ready for a bug without compiling everything again. The sources
# know nothing of this: files that a bug changes are compiled from changed copies in
# <build>/planted.
set(TICKETD_PLANTED_BUG "" CACHE STRING "A bug of tests/sim/planted_bugs.py to compile in, or none")

set(TICKETD_PLANTED_DIR "")
if(TICKETD_PLANTED_BUG)
  set(TICKETD_PLANTED_DIR ${PROJECT_BINARY_DIR}/planted)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/sim/planted_bugs.py plant
            ${TICKETD_PLANTED_BUG} ${TICKETD_PLANTED_DIR} COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB_RECURSE changed RELATIVE ${TICKETD_PLANTED_DIR} ${TICKETD_PLANTED_DIR}/*)
  list(TRANSFORM changed PREPEND ${PROJECT_SOURCE_DIR}/)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${changed}
                                         ${PROJECT_SOURCE_DIR}/tests/sim/planted_bugs.py)
endif()

# ticketd_planted_sources(<variable> <file>...): the files of the current folder, those that a bug
# changes as their copies. A bug may leave something unused there. All others are compiled as ever,
# so that a compiler cache knows them.
function(ticketd_planted_sources variable)
  set(sources "")
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(source IN LISTS ARGN)
    if(TICKETD_PLANTED_DIR AND EXISTS ${TICKETD_PLANTED_DIR}/${folder}/${source})
      set(source ${TICKETD_PLANTED_DIR}/${folder}/${source})
      set_source_files_properties(
        ${source} PROPERTIES COMPILE_OPTIONS "-w;-fmacro-prefix-map=${TICKETD_PLANTED_DIR}/=")
    endif()
    list(APPEND sources ${source})
  endforeach()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()
