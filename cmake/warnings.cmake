add_library(gnomon_warnings INTERFACE)
target_compile_options(gnomon_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor
                       -Woverloaded-virtual -Wimplicit-fallthrough -Wno-sign-conversion)
# False alarms of GCC 12 about its own std::string and std::variant at -O3 (GCC bugs 105329 and 105562).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(gnomon_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(GNOMON_WERROR)
  target_compile_options(gnomon_warnings INTERFACE -Werror)
endif()
