// SPDX-License-Identifier: Apache-2.0
// Arguments that Python callers may write in several ways.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

#include "gnomon/analyses/rounding.h"
#include "gnomon/kernels/matmul.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/model/model.h"
#include "gnomon/targets/split.h"

namespace gnomon::python {

namespace nb = nanobind;

// A site at a position with its name, as Python has it.
struct NamedSite {
  SiteAt at;
  bool gradient = false;
  std::string name;  // site_at_name
};
NamedSite named_site(const SiteAt& at, const ModelConfig& config);

// A site as its name or as what parse_site gave.
struct SiteArgument {
  nb::object value;
};
// One of them, or a sequence.
struct SitesArgument {
  nb::object value;
};
SiteAt site_of(const SiteArgument& argument, const ModelConfig& config);
std::vector<SiteAt> sites_of(const SitesArgument& argument, const ModelConfig& config);

// Texts as str, as bytes, or as token ids.
struct TextsArgument {
  nb::object value;
};
// Encodes without the interpreter's lock. Throws ArgumentError for a single text where a sequence
// of them is expected.
std::vector<std::vector<TokenId>> token_ids(const TextsArgument& texts, const Model& model);
// str(value)
std::string python_text(nb::handle value);
// The bytes of str (UTF-8) or bytes.
std::string text_bytes(nb::handle text);

// "float32", "float64"; "packed", "blas", "reference"; "train", "val", "test". Throw ArgumentError
// with the names that there are.
Precision precision_of(const std::string& name);
Backend backend_of(const std::string& name);
Part part_of(const std::string& name);

}  // namespace gnomon::python

namespace nanobind::detail {

// Any object is taken; what does not fit is refused in words by the functions above.
template <>
struct type_caster<gnomon::python::SiteArgument> {
  NB_TYPE_CASTER(gnomon::python::SiteArgument, const_name("str | NamedSite"))
  bool from_python(handle source, std::uint32_t, cleanup_list*) noexcept {
    value.value = borrow(source);
    return true;
  }
};
template <>
struct type_caster<gnomon::python::SitesArgument> {
  NB_TYPE_CASTER(gnomon::python::SitesArgument,
                 const_name("str | NamedSite | collections.abc.Sequence[str | NamedSite]"))
  bool from_python(handle source, std::uint32_t, cleanup_list*) noexcept {
    value.value = borrow(source);
    return true;
  }
};
template <>
struct type_caster<gnomon::python::TextsArgument> {
  NB_TYPE_CASTER(gnomon::python::TextsArgument,
                 const_name("collections.abc.Sequence[str | bytes] | "
                            "collections.abc.Sequence[collections.abc.Sequence[int]]"))
  bool from_python(handle source, std::uint32_t, cleanup_list*) noexcept {
    value.value = borrow(source);
    return true;
  }
};

}  // namespace nanobind::detail
