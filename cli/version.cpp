// SPDX-License-Identifier: Apache-2.0
#include "cli/version.h"

#include "gnomon/base/threads.h"
#include "gnomon/kernels/matmul.h"

namespace gnomon::cli {

std::string version_number() { return GNOMON_VERSION; }

Json version_json() {
  const std::string commit = GNOMON_COMMIT;
  Json json;
  json["name"] = "gnomon";
  json["version"] = version_number();
  json["commit"] = commit.empty() ? Json(nullptr) : Json(commit);
  json["compiler"] = GNOMON_COMPILER;
  json["build_type"] = GNOMON_BUILD_TYPE;
  json["blas"] = blas_description();
  json["threads"] = threads();
  return json;
}

}  // namespace gnomon::cli
