// SPDX-License-Identifier: Apache-2.0
// in: numbers of a training step   out: a file that TensorBoard shows,
// docs/formats/event_files.md
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "gnomon/report/detail/append_file.h"
#include "gnomon/report/run_id.h"

namespace gnomon {

struct ScalarEvent {
  std::string tag;   // "loss/train"; a slash makes a group
  double value = 0;  // stored as float32; NaN and infinities as they are
};

// A TensorBoard event file of scalars. Every step is on disk in the kernel's hands when add()
// returns.
class EventFile {
 public:
  // A new file in `folder`, named "events.out.tfevents.SECONDS.gnomon" after `now`, with "-2", ...
  // appended where that name is taken. `first_step` above 0 says that training goes on from there
  // after an interruption: TensorBoard then drops what an earlier file in `folder` has of that step
  // and later ones. Throws FileError (write_failed).
  EventFile(const std::filesystem::path& folder, WallClock now, std::int64_t first_step = 0);

  // One event with all `scalars`. Throws FileError (write_failed); the file is then as before.
  void add(WallClock now, std::int64_t step, std::span<const ScalarEvent> scalars);

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  detail::AppendFile file_;
};

}  // namespace gnomon
