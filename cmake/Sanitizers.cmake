# Comes before every target, so that third-party sources compiled here are instrumented as well.
set(TICKETD_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined")
if(TICKETD_SANITIZE)
  add_compile_options(-fsanitize=${TICKETD_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TICKETD_SANITIZE})
endif()
