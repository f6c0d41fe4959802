add_library(gnomon_sanitizers INTERFACE)
set(GNOMON_SANITIZE "" CACHE STRING "address,undefined or thread; empty for none")
if(GNOMON_SANITIZE)
  target_compile_options(gnomon_sanitizers INTERFACE -fsanitize=${GNOMON_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(gnomon_sanitizers INTERFACE -fsanitize=${GNOMON_SANITIZE})
endif()
