// SPDX-License-Identifier: Apache-2.0
// The elements of an SVG that the library wrote, for tests.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gnomon/text/utf8.h"

namespace gnomon::test {

struct XmlElement {
  std::string tag;
  std::map<std::string, std::string> attributes;
  std::string text;  // escaped, of <text>, <title>, <desc>
};

// Reads the XML that the library writes: elements, attributes in double quotes, text. Anything
// else, and a text or attribute with what has to be escaped, is a failure.
class XmlReader {
 public:
  explicit XmlReader(std::string_view xml) : xml_(xml) { read(); }
  const std::vector<XmlElement>& elements() const { return elements_; }
  const std::string& error() const { return error_; }

 private:
  void fail(const std::string& why) {
    if (error_.empty()) error_ = why + " at byte " + std::to_string(at_);
  }
  std::string_view until(std::string_view end) {
    const std::size_t found = xml_.find_first_of(end, at_);
    const std::string_view text = xml_.substr(at_, found - at_);
    at_ = found == std::string_view::npos ? xml_.size() : found;
    return text;
  }
  void check_text(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const Utf8Character c = utf8_character_at(text, i);
      if (!c.valid || (c.code_point < 0x20 && c.code_point != '\n') || c.code_point == '>')
        fail("forbidden character");
      if (c.code_point == '&') {
        const std::string_view entity = text.substr(i, text.find(';', i) - i + 1);
        if (!std::set<std::string_view>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}.contains(
                entity))
          fail("unknown entity");
      }
      i += c.n_bytes;
    }
  }
  void read() {
    while (at_ < xml_.size() && error_.empty()) {
      const std::string_view text = until("<");
      check_text(text);
      if (!open_.empty() && !text.empty()) elements_[open_.back()].text += text;
      if (at_ == xml_.size()) break;
      ++at_;
      if (xml_[at_] == '/') {
        ++at_;
        const std::string tag(until(">"));
        if (open_.empty() || elements_[open_.back()].tag != tag) return fail("wrong end of " + tag);
        open_.pop_back();
        ++at_;
      } else {
        read_element();
      }
    }
    if (!open_.empty()) fail("element left open");
  }
  void read_element() {
    XmlElement element;
    element.tag = until(" />");
    while (at_ < xml_.size() && xml_[at_] == ' ') {
      ++at_;
      const std::string name(until("="));
      at_ += 2;
      const std::string_view value = until("\"");
      check_text(value);
      if (value.find('<') != std::string_view::npos) fail("< in an attribute");
      if (!element.attributes.emplace(name, value).second) fail("attribute twice: " + name);
      ++at_;
    }
    const bool whole = at_ < xml_.size() && xml_[at_] == '/';
    at_ += whole ? 2 : 1;
    elements_.push_back(std::move(element));
    if (!whole) open_.push_back(elements_.size() - 1);
  }

  std::string_view xml_;
  std::size_t at_ = 0;
  std::vector<XmlElement> elements_;
  std::vector<std::size_t> open_;
  std::string error_;
};

// By value, so that a loop over them may be written in one line.
inline std::vector<XmlElement> elements_of(std::string_view xml) {
  return XmlReader(xml).elements();
}

}  // namespace gnomon::test
