// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/python_stream.h"

namespace gnomon::python {

namespace nb = nanobind;

bool PythonStream::is_terminal() const {
  const nb::gil_scoped_acquire acquired;
  try {
    const nb::object stream = nb::module_::import_("sys").attr(buffer_.name());
    return nb::cast<bool>(stream.attr("isatty")());
  } catch (const std::exception&) {  // a stream of the user's own may lack isatty
    return false;
  }
}

PythonStream::Buffer::int_type PythonStream::Buffer::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char one = traits_type::to_char_type(c);
  xsputn(&one, 1);
  return c;
}

std::streamsize PythonStream::Buffer::xsputn(const char* text, std::streamsize n) {
  pending_.append(text, static_cast<std::size_t>(n));
  if (pending_.find('\n') != std::string::npos) sync();
  return n;
}

int PythonStream::Buffer::sync() {
  if (pending_.empty()) return 0;
  const std::string text = std::move(pending_);
  pending_.clear();
  const nb::gil_scoped_acquire acquired;
  try {
    const nb::object stream = nb::module_::import_("sys").attr(name_);
    if (stream.is_none()) return 0;
    stream.attr("write")(nb::steal(
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace")));
    stream.attr("flush")();
  } catch (const nb::python_error&) {
    return -1;
  }
  return 0;
}

}  // namespace gnomon::python
