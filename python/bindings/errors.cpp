// SPDX-License-Identifier: Apache-2.0
// Errors of the library as exceptions of gnomon.errors.
#include <string>

#include "gnomon/base/error.h"
#include "python/bindings/bindings.h"

namespace gnomon::python {
namespace {

const char* class_name(const Error& error) {
  switch (error.code()) {
    case ErrorCode::interrupted:
      return "Interrupted";
    case ErrorCode::not_found:
      return "NotFoundError";
    case ErrorCode::out_of_resources:
      return "OutOfResourcesError";
    case ErrorCode::incompatible:
      return "IncompatibleError";
    default:
      break;
  }
  if (dynamic_cast<const ShapeError*>(&error) != nullptr) return "ShapeError";
  if (dynamic_cast<const ArgumentError*>(&error) != nullptr) return "ArgumentError";
  if (dynamic_cast<const FileError*>(&error) != nullptr) return "FileError";
  if (dynamic_cast<const UnsupportedError*>(&error) != nullptr) return "UnsupportedError";
  if (dynamic_cast<const NumericError*>(&error) != nullptr) return "NumericError";
  if (dynamic_cast<const CheckError*>(&error) != nullptr) return "CheckError";
  if (dynamic_cast<const InternalError*>(&error) != nullptr) return "InternalError";
  return "Error";
}

nb::str text_of(std::string_view text) {
  // A message may name a file whose name is not UTF-8.
  return nb::steal<nb::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

void set_python_error(const Error& error) {
  // Ctrl-C raises what Python's own handler raises, which is KeyboardInterrupt.
  if (error.code() == ErrorCode::interrupted && PyErr_CheckSignals() != 0) return;
  const ErrorCodeRow& row = error_code_row(error.code());
  try {
    const nb::object type = nb::module_::import_("gnomon.errors").attr(class_name(error));
    const nb::object exception =
        type(text_of(error.what()), nb::arg("code") = text_of(row.name),
             nb::arg("kind") = text_of(row.kind), nb::arg("hint") = text_of(error.hint()));
    PyErr_SetObject(type.ptr(), exception.ptr());
  } catch (nb::python_error& failure) {
    failure.restore();
  }
}

}  // namespace

void bind_errors(nb::module_& module) {
  nb::register_exception_translator([](const std::exception_ptr& failure, void*) {
    try {
      std::rethrow_exception(failure);
    } catch (const Error& error) {
      set_python_error(error);
    }
  });
  module.def(
      "error_code_table",
      [] {
        nb::list rows;
        for (const ErrorCodeRow& row : error_code_table()) {
          nb::dict entry;
          entry["code"] = text_of(row.name);
          entry["kind"] = text_of(row.kind);
          entry["exit_status"] = row.exit_status;
          entry["meaning"] = text_of(row.meaning);
          rows.append(entry);
        }
        return rows;
      },
      nb::sig("def error_code_table() -> list[dict[str, str | int]]"),
      "Every stable error code with its kind, exit status and meaning.");
}

}  // namespace gnomon::python
