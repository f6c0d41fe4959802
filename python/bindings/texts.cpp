// SPDX-License-Identifier: Apache-2.0
// Records of text, and texts prepared for a study.
#include <nanobind/stl/variant.h>

#include "cli/study_options.h"
#include "gnomon/analyses/study.h"
#include "gnomon/base/error.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

std::vector<TextRecord> records_of(const nb::sequence& texts) {
  if (PyUnicode_Check(texts.ptr()) || PyBytes_Check(texts.ptr()))
    throw ArgumentError("texts is one text, expected a sequence of texts", "[text] is one");
  std::vector<TextRecord> records;
  for (const nb::handle text : texts) {
    if (nb::isinstance<TextRecord>(text)) {
      records.push_back(nb::cast<TextRecord>(text));
    } else {
      TextRecord record;
      record.text = text_bytes(text);
      record.source = "python:" + std::to_string(records.size() + 1);
      records.push_back(std::move(record));
    }
  }
  return records;
}

nb::object text_of(const std::string& bytes) {
  return nb::steal(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "surrogateescape"));
}

void bind_records(nb::module_& module) {
  nb::class_<TextRecord>(module, "TextRecord", "One text and where it came from.")
      .def(
          "__init__",
          [](TextRecord* self, nb::handle text, const std::string& source,
             const std::string& template_id, const std::string& group) {
            new (self) TextRecord{text_bytes(text), source, 0, template_id, group};
          },
          nb::arg("text"), nb::arg("source") = "python", nb::arg("template_id") = "",
          nb::arg("group") = "",
          nb::sig("def __init__(self, text: str | bytes, source: str = 'python', "
                  "template_id: str = '', group: str = '') -> None"))
      .def_prop_ro(
          "text", [](const TextRecord& self) { return text_of(self.text); },
          nb::for_getter(nb::sig("def text(self, /) -> str")),
          "Bytes that are not UTF-8 as surrogate escapes.")
      .def_ro("source", &TextRecord::source, "'news.txt:12', or 'builtin:scenes'.")
      .def_ro("template_id", &TextRecord::template_id)
      .def_ro("group", &TextRecord::group, "What the corpus says belongs together.")
      .def("__repr__", [](const TextRecord& self) {
        return std::string("<TextRecord ") + nb::repr(text_of(self.text)).c_str() + ">";
      });
  module.def(
      "read_texts",
      [](const std::string& texts, std::uint64_t seed) {
        return long_call([&] { return cli::read_texts(texts, seed).records; });
      },
      nb::arg("texts"), nb::arg("seed") = 0,
      "Texts as --texts names them: a file with one text a line, .csv or .jsonl with a field "
      "'text', or the generator 'builtin:scenes:1000'.");
}

}  // namespace

void bind_texts(nb::module_& module) {
  bind_records(module);
  nb::class_<StudyTexts>(module, "StudyTexts",
                         "Texts tokenised, in groups, and dealt to train, val and test by group.")
      .def_ro("records", &StudyTexts::records)
      .def_ro("ids", &StudyTexts::ids, "Token ids of each text.")
      .def_prop_ro("n_text", &StudyTexts::n_text)
      .def_prop_ro("group",
                   [](nb::handle_t<StudyTexts> self) {
                     return member_array(nb::cast<const StudyTexts&>(self).groups.group_of_row,
                                         self);
                   })
      .def_prop_ro("part",
                   [](const StudyTexts& self) {
                     std::vector<std::string> parts;
                     for (const Part part : self.part) parts.emplace_back(part_name(part));
                     return parts;
                   })
      .def_prop_ro(
          "excluded",
          [](const StudyTexts& self) {
            std::vector<std::string> lines;
            for (const ExcludedText& text : self.excluded)
              lines.push_back(text.source + ": " + text.why);
            return lines;
          },
          "Texts that the model cannot read whole, and why.")
      .def("__len__", &StudyTexts::n_text);
  module.def(
      "prepare_texts",
      [](const Model& model, const nb::sequence& texts, std::uint64_t seed) {
        std::vector<TextRecord> records = records_of(texts);
        return long_call([&] { return prepare_texts(model, std::move(records), seed); });
      },
      nb::arg("model"), nb::arg("texts"), nb::arg("seed") = 0,
      nb::sig("def prepare_texts(model: Model, texts: collections.abc.Sequence["
              "str | bytes | TextRecord], seed: int = 0) -> StudyTexts"),
      "Tokenises, groups and splits. Texts that are the same after normalisation, or of one "
      "template or declared group, stand in one part. Nothing is cut or padded.");
}

}  // namespace gnomon::python
