// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/records.h"

#include "python/bindings/arguments.h"

namespace gnomon::python {
namespace {

std::string field_text(const nb::object& value) {
  if (nb::hasattr(value, "dtype")) {
    return "<" + python_text(value.attr("dtype")) + " array " + python_text(value.attr("shape")) +
           ">";
  }
  if (nb::isinstance<nb::list>(value) && nb::len(value) > 8)
    return "<list of " + std::to_string(nb::len(value)) + ">";
  return nb::cast<std::string>(nb::repr(value));
}

}  // namespace

std::string record_text(nb::handle record, const std::vector<std::string>& fields) {
  std::string text = nb::cast<std::string>(record.type().attr("__name__")) + "(";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text += ", ";
    text += fields[i] + "=" + field_text(record.attr(fields[i].c_str()));
  }
  return text + ")";
}

}  // namespace gnomon::python
