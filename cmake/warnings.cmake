add_library(gnomon_warnings INTERFACE)
target_compile_options(gnomon_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor
                       -Woverloaded-virtual -Wimplicit-fallthrough -Wno-sign-conversion)
if(GNOMON_WERROR)
  target_compile_options(gnomon_warnings INTERFACE -Werror)
endif()
