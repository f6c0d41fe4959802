// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/html_text.h"

#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/text/markup.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

void require_finite(const Json& value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>()))
    throw InternalError("html_json: a number that is not finite");
  if (value.is_structured()) {
    for (const Json& child : value) require_finite(child);
  }
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string escaped;
  for (const char c : visible_text(text)) {
    const std::string_view entity = markup_entity(static_cast<unsigned char>(c));
    if (entity.empty())
      escaped += c;
    else
      escaped += entity;
  }
  return escaped;
}

std::string html_json(const Json& value) {
  require_finite(value);
  std::string text;
  try {
    text = value.dump();
  } catch (const Json::exception& error) {
    throw InternalError(std::string("html_json: ") + error.what());
  }
  std::string escaped;
  escaped.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (rest.starts_with("\u2028") || rest.starts_with("\u2029")) {
      escaped += rest.starts_with("\u2028") ? "\\u2028" : "\\u2029";
      i += 2;  // the rest of its three bytes
    } else if (text[i] == '<') {
      escaped += "\\u003c";
    } else if (text[i] == '>') {
      escaped += "\\u003e";
    } else if (text[i] == '&') {
      escaped += "\\u0026";
    } else {
      escaped += text[i];
    }
  }
  return escaped;
}

}  // namespace gnomon
