// SPDX-License-Identifier: Apache-2.0
// The files of assets/report/, which the build puts into the library (cmake/embed_texts.cmake).
#pragma once

#include <string_view>

namespace gnomon::detail {

extern const std::string_view kReportCss;
extern const std::string_view kReportJs;

}  // namespace gnomon::detail
