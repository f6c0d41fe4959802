// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gnomon/base/error.h"
#include "gnomon/model/detail/http.h"
#include "gnomon/model/hub_id.h"

namespace gnomon {

struct HubQuestion {
  const HubId& id;
  std::string subject;   // begins the message
  bool is_file = false;  // else the repository as a whole
  std::string endpoint;
  bool has_token = false;
  int n_attempt = 1;  // how often in a row it was answered so
};

// The error for an answer that is not what was asked for: incomplete, or of status 4xx or 5xx.
FileError hub_refusal(const HttpAnswer& answer, const HubQuestion& question);

}  // namespace gnomon
