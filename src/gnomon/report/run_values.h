// SPDX-License-Identifier: Apache-2.0
// in: a run   out: its numbers by key, for texts that are filled from it
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/model/config.h"
#include "gnomon/report/run_directory.h"

namespace gnomon {

// The values of a run's JSON files. A key is a file and an RFC 6901 pointer,
// "analysis/projections.json#/directions/0/r"; with "patch:" before it the file is one of the patch
// run. A patch run is one of `gnomon patch`, done, in a folder beside the run, that patched the
// reported neuron of this run as it is (same id and configuration); where there are several, the
// one whose id comes first.
class RunValues {
 public:
  // Throws FileError where a file that the run lists was changed; a damaged run beside it is passed
  // over.
  explicit RunValues(const StoredRun& run);

  const StoredRun& run() const { return run_; }
  const StoredRun* patch_run() const { return patch_ ? &*patch_ : nullptr; }

  // Null where there is no such file or value, or the value is null.
  const Json* find(const std::string& key) const;
  std::optional<double> number(const std::string& key) const;
  // Empty where there is none.
  std::string text(const std::string& key) const;
  std::size_t size(const std::string& key) const;  // of a list; 0 where there is none

  // The key of the element of a list whose `field` is `value`; empty where there is none.
  std::string element(const std::string& list, std::string_view field,
                      std::string_view value) const;
  // "analysis/projections.json#/directions/2"; empty where the run has no such direction or it is
  // not defined for the target.
  std::string direction(std::string_view name) const;
  // The key of the ladder of a direction; empty where it has none.
  std::string ladder(std::string_view direction) const;

  // A setting of config.resolved.toml as text; empty where there is none.
  std::string setting(std::string_view key) const;
  // From the study's tensors. Throws FileError where the run has none.
  ModelConfig model_config() const;
  // Titles of the checks that failed.
  std::vector<std::string> failed_checks() const;

 private:
  const Json* file(const std::string& name) const;

  StoredRun run_;
  std::optional<StoredRun> patch_;
  std::vector<ConfigEntry> configuration_;
  mutable std::map<std::string, std::unique_ptr<Json>> files_;
};

}  // namespace gnomon
