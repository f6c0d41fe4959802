// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gnomon/base/error.h"
#include "gnomon/model/detail/http.h"
#include "gnomon/model/hub_id.h"

namespace gnomon {

// The error for an answer that is not what was asked for: incomplete, or of status 4xx or 5xx.
// `subject` begins the message; n_attempt is how often in a row it was so.
FileError hub_refusal(const HttpAnswer& answer, const HubId& id, const std::string& subject,
                      const std::string& endpoint, bool has_token, int n_attempt);

}  // namespace gnomon
