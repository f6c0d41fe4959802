// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/arguments.h"

#include <fmt/format.h>
#include <nanobind/stl/string.h>

#include <array>
#include <span>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/quote.h"
#include "gnomon/base/threads.h"
#include "python/bindings/arrays.h"
#include "python/bindings/calls.h"

namespace gnomon::python {
namespace {

std::string type_of(nb::handle value) {
  return nb::cast<std::string>(value.type().attr("__name__"));
}

bool is_site(nb::handle value) {
  return PyUnicode_Check(value.ptr()) || nb::isinstance<NamedSite>(value);
}

template <class T>
T choice_of(std::string_view what, const std::string& name, std::span<const T> choices,
            std::string_view (*name_of)(T)) {
  std::string names;
  for (const T choice : choices) {
    if (name_of(choice) == name) return choice;
    names += (names.empty() ? "" : ", ") + std::string(name_of(choice));
  }
  throw ArgumentError(fmt::format("{} {}, expected one of {}", what, quote(name), names));
}

std::vector<TokenId> ids_of(nb::handle text, std::size_t number) {
  const nb::object array = contiguous_array(text, "int64");
  ArrayArgument<Index, 1> ids;
  if (!array.is_valid() || !nb::try_cast(array, ids.array)) {
    throw ArgumentError(fmt::format(
        "text {} is a {}, expected str, bytes or a sequence of token ids", number, type_of(text)));
  }
  std::vector<TokenId> tokens;
  tokens.reserve(ids.span().size());
  for (const Index id : ids.span()) {
    if (id != static_cast<TokenId>(id))
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("text {} has the token id {}", number, id));
    tokens.push_back(static_cast<TokenId>(id));
  }
  return tokens;
}

}  // namespace

NamedSite named_site(const SiteAt& at, const ModelConfig& config) {
  return {at, false, site_at_name(at, config)};
}

SiteAt site_of(const SiteArgument& argument, const ModelConfig& config) {
  const nb::object& value = argument.value;
  if (PyUnicode_Check(value.ptr())) return parse_site(nb::cast<std::string>(value), config);
  if (!nb::isinstance<NamedSite>(value))
    throw ArgumentError(
        fmt::format("a site is a {}, expected its name or what parse_site gave", type_of(value)));
  const SiteAt at = nb::cast<const NamedSite&>(value).at;
  check_site(at.site, config);
  return at;
}

std::vector<SiteAt> sites_of(const SitesArgument& argument, const ModelConfig& config) {
  if (is_site(argument.value)) return {site_of({argument.value}, config)};
  std::vector<SiteAt> sites;
  for (const nb::handle one : argument.value) sites.push_back(site_of({nb::borrow(one)}, config));
  return sites;
}

std::string python_text(nb::handle value) {
  return nb::cast<std::string>(nb::steal(PyObject_Str(value.ptr())));
}

std::string text_bytes(nb::handle text) {
  if (PyBytes_Check(text.ptr())) {
    return {PyBytes_AsString(text.ptr()), static_cast<std::size_t>(PyBytes_Size(text.ptr()))};
  }
  if (!PyUnicode_Check(text.ptr()))
    throw ArgumentError(fmt::format("a text is a {}, expected str or bytes", type_of(text)));
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data == nullptr) throw nb::python_error();
  return {data, static_cast<std::size_t>(size)};
}

std::vector<std::vector<TokenId>> token_ids(const TextsArgument& texts, const Model& model) {
  if (PyUnicode_Check(texts.value.ptr()) || PyBytes_Check(texts.value.ptr()))
    throw ArgumentError("texts is one text, expected a sequence of texts", "[text] is one");
  std::vector<std::vector<TokenId>> ids;
  std::vector<std::pair<std::size_t, std::string>> bytes;  // of the texts that are not ids yet
  for (const nb::handle text : texts.value) {
    if (PyUnicode_Check(text.ptr()) || PyBytes_Check(text.ptr())) {
      bytes.emplace_back(ids.size(), text_bytes(text));
      ids.emplace_back();
    } else {
      ids.push_back(ids_of(text, ids.size()));
    }
  }
  if (bytes.empty()) return ids;
  const Tokenizer& tokenizer = model.tokenizer();
  long_call([&] {
    parallel_for(0, static_cast<Index>(bytes.size()), 64, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        check_interrupted();
        const auto& [text, content] = bytes[static_cast<std::size_t>(i)];
        ids[text] = tokenizer.encode(content);
      }
    });
  });
  return ids;
}

Precision precision_of(const std::string& name) {
  constexpr std::array kAll = {Precision::float32, Precision::float64};
  return choice_of<Precision>("precision", name, kAll, precision_name);
}

Backend backend_of(const std::string& name) {
  return choice_of<Backend>("backend", name, kAllBackends, backend_name);
}

Part part_of(const std::string& name) {
  return choice_of<Part>("part", name, kAllParts, part_name);
}

}  // namespace gnomon::python
