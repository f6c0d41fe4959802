# One static library per folder of src/gnomon, linked only to the row it has in
# ARCHITECTURE.md's may-include table.
function(gnomon_module name)
  cmake_parse_arguments(ARG "LIGHT" "" "DEPENDS;PUBLIC_LIBRARIES;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/gnomon/${name}/*.cpp)
  if(sources)
    add_library(gnomon_${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(gnomon_${name} PRIVATE $<BUILD_INTERFACE:gnomon_warnings> $<BUILD_INTERFACE:gnomon_sanitizers>)
  else()
    add_library(gnomon_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(gnomon_${name} ${scope} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
                                                     $<INSTALL_INTERFACE:include>)
  target_compile_features(gnomon_${name} ${scope} cxx_std_20)
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(gnomon_${name} ${scope} gnomon_${dependency})
  endforeach()
  target_link_libraries(gnomon_${name} ${scope} ${ARG_PUBLIC_LIBRARIES})
  if(sources)
    target_link_libraries(gnomon_${name} PRIVATE ${ARG_LIBRARIES})
    if(ARG_LIGHT)
      gnomon_build_lightly(gnomon_${name})
      gnomon_precompile(gnomon_${name} gnomon_charts)
    elseif(NOT name STREQUAL "kernels")  # which is compiled in its own way
      gnomon_precompile(gnomon_${name} gnomon_base)
    endif()
  endif()
  add_library(gnomon::${name} ALIAS gnomon_${name})
  set_target_properties(gnomon_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS gnomon_${name} EXPORT gnomon-targets COMPONENT library)
endfunction()

# Where the time goes into reading and writing text, building fast is worth more than running fast, and
# the standard library's checks (an empty optional, an index beyond the end) cost nothing that is felt.
function(gnomon_build_lightly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
  # More false alarms of GCC 12 about its own std::string, at -O1 and from a precompiled header.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endfunction()

# Targets that are compiled alike share one precompiled header, that of the first: `owner` makes it.
set(gnomon_common_headers <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <limits> <map>
    <memory> <numeric> <optional> <set> <span> <string> <string_view> <utility> <vector>
    <fmt/format.h> <nlohmann/json.hpp>)
function(gnomon_precompile target owner)
  if(NOT GNOMON_PRECOMPILE)
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${gnomon_common_headers} ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# tests/<name>/*_test.cpp become one executable; the label of a test is the label of its folder
# unless its file is named *_slow_test.cpp or *_model_test.cpp.
function(gnomon_module_tests name)
  foreach(tier fast slow model)
    if(tier STREQUAL "fast")
      file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*_test.cpp)
      list(FILTER sources EXCLUDE REGEX "_(slow|model)_test\\.cpp$")
      set(target ${name}_test)
    else()
      file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*_${tier}_test.cpp)
      set(target ${name}_${tier}_test)
    endif()
    if(sources)
      add_executable(${target} ${sources})
      gnomon_build_lightly(${target})
      # As the library is that makes the precompiled header.
      set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${target} PRIVATE -fPIC)
      gnomon_precompile(${target} gnomon_test_support)
      target_link_libraries(${target} PRIVATE gnomon_test_support GTest::gmock GTest::gtest_main
                                              gnomon_warnings gnomon_sanitizers)
      target_compile_definitions(${target} PRIVATE
        GNOMON_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/golden"
        GNOMON_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
      if(name STREQUAL "cli")
        target_link_libraries(${target} PRIVATE gnomon::gnomon)
        target_compile_definitions(${target} PRIVATE GNOMON_COMMAND="$<TARGET_FILE:gnomon_cli>")
        add_dependencies(${target} gnomon_cli)
      else()
        target_link_libraries(${target} PRIVATE gnomon::${name})
      endif()
      if(name MATCHES "^(kernels|model)$")
        target_sources(${target} PRIVATE support/limit_instructions.cpp)
      endif()
      if(name MATCHES "^(activations|targets|train|directions|analyses|report|cli)$")
        target_link_libraries(${target} PRIVATE gnomon_test_models)
      endif()
      gtest_discover_tests(${target} PROPERTIES LABELS ${tier} TIMEOUT 600 DISCOVERY_TIMEOUT 60
                           DISCOVERY_MODE PRE_TEST)
    endif()
  endforeach()
endfunction()

# Makes the files of a folder constants of a module: VARIABLE() gives them as
# gnomon::detail::EmbeddedText, sorted by file name; HEADER declares both.
function(gnomon_embed_texts name)
  cmake_parse_arguments(ARG "" "FOLDER;HEADER;VARIABLE" "" ${ARGN})
  file(GLOB texts CONFIGURE_DEPENDS ${ARG_FOLDER}/*)
  set(rows "")
  foreach(text IN LISTS texts)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${text})
    get_filename_component(file_name ${text} NAME)
    file(READ ${text} content)
    string(APPEND rows "    {\"${file_name}\", R\"embedded(${content})embedded\"},\n")
  endforeach()
  set(path ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}_${ARG_VARIABLE}.cpp)
  file(WRITE ${path}.new "// SPDX-License-Identifier: Apache-2.0
// Made by CMake of the files in ${ARG_FOLDER}.
#include \"${ARG_HEADER}\"

namespace gnomon::detail {
namespace {
constexpr EmbeddedText kTexts[] = {
${rows}};
}  // namespace
std::span<const EmbeddedText> ${ARG_VARIABLE}() { return kTexts; }
}  // namespace gnomon::detail
")
  file(COPY_FILE ${path}.new ${path} ONLY_IF_DIFFERENT)
  target_sources(gnomon_${name} PRIVATE ${path})
endfunction()
