# Writes a C++ source in which each text file is a constant:
#   cmake -DOUTPUT=x.cpp -DNAMES=kA,kB -DFILES=a.css,b.js -P cmake/embed_texts.cmake
# The constants are std::string_view in gnomon::detail; the caller declares them in a header.
# Arrays and not literals, whose length compilers limit.
string(REPLACE "," ";" names "${NAMES}")
string(REPLACE "," ";" files "${FILES}")
set(source "// SPDX-License-Identifier: Apache-2.0\n#include <string_view>\n\nnamespace gnomon::detail {\n\n")
foreach(name file IN ZIP_LISTS names files)
  file(READ "${file}" bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR length "${digits} / 2")
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," list "${bytes}")
  string(APPEND source "static constexpr char ${name}Bytes[] = {${list}'\\0'};\n"
                       "extern const std::string_view ${name};\n"
                       "const std::string_view ${name}(${name}Bytes, ${length});\n\n")
endforeach()
string(APPEND source "}  // namespace gnomon::detail\n")
file(WRITE "${OUTPUT}" "${source}")
