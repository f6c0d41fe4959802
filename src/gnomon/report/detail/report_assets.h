// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gnomon/report/detail/embedded_text.h"

namespace gnomon::detail {

// The files of assets/report.
std::span<const EmbeddedText> report_assets();

}  // namespace gnomon::detail
