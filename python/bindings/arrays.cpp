// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/arrays.h"

#include <nanobind/stl/string.h>

#include <cstring>
#include <string>
#include <string_view>

namespace gnomon::python {

nb::object contiguous_array(nb::handle values, const char* dtype) noexcept {
  try {
    const nb::module_ numpy = nb::module_::import_("numpy");
    nb::object array = numpy.attr("asarray")(values);
    const bool whole = std::strcmp(dtype, "int64") == 0;
    const auto kind = nb::cast<std::string>(array.attr("dtype").attr("kind"));
    const bool empty = nb::cast<std::size_t>(array.attr("size")) == 0;
    const std::string_view accepted = whole ? "iub" : "fiub";
    if (!empty && accepted.find(kind.front()) == std::string_view::npos) return {};
    return numpy.attr("asarray")(array, dtype, nb::arg("order") = "C");
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace gnomon::python
