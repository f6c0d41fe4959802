// SPDX-License-Identifier: Apache-2.0
// A C++ struct as a Python class with read-only fields.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "python/bindings/arrays.h"

namespace gnomon::python {

// "Correlation(n=12, r=0.5, ...)" from the values of these fields; arrays show shape and type.
std::string record_text(nb::handle record, const std::vector<std::string>& fields);

template <class C>
class Record {
 public:
  Record(nb::module_& module, const char* name, const char* doc) : class_(module, name, doc) {}
  // Fields are complete: `repr` shows them.
  ~Record() {
    class_.def("__repr__", [fields = std::move(fields_)](nb::handle_t<C> self) {
      return record_text(self, fields);
    });
  }
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  template <class M>
  Record& field(const char* name, M C::*member, const char* doc = "") {
    class_.def_ro(name, member, doc);
    fields_.emplace_back(name);
    return *this;
  }
  // What is computed from the struct.
  template <class Getter>
  Record& value(const char* name, Getter getter, const char* doc = "") {
    class_.def_prop_ro(name, getter, doc);
    fields_.emplace_back(name);
    return *this;
  }
  // A vector as a read-only array that shares its memory.
  template <class T>
  Record& array(const char* name, std::vector<T> C::*member, const char* doc = "") {
    return array_of(name, doc, [member](const C& record, nb::handle self) {
      return member_array(record.*member, self);
    });
  }
  template <class T>
  Record& array(const char* name, Tensor<T> C::*member, const char* doc = "") {
    return array_of(name, doc, [member](const C& record, nb::handle self) {
      return member_array(record.*member, self);
    });
  }

  nb::class_<C>& python() { return class_; }

 private:
  template <class Getter>
  Record& array_of(const char* name, const char* doc, Getter getter) {
    class_.def_prop_ro(
        name, [getter](nb::handle_t<C> self) { return getter(nb::cast<const C&>(self), self); },
        doc);
    fields_.emplace_back(name);
    return *this;
  }

  nb::class_<C> class_;
  std::vector<std::string> fields_;
};

}  // namespace gnomon::python
