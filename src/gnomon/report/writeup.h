// SPDX-License-Identifier: Apache-2.0
// in: a run with projections   out: about 500 words for someone new to machine learning,
// docs/formats/writeup.md
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/report/report_formats.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/run_values.h"

namespace gnomon {

inline constexpr const char* kWriteupFile = "report/writeup.md";

// A number of the text, and the key of RunValues that it was filled from.
struct WriteupNumber {
  std::string key;
  std::string text;
};

// A sentence that was chosen among several by what the run measured.
struct WriteupClaim {
  std::string id;       // "head-direction", "cause"
  std::string outcome;  // which sentence: "goes_with", "cannot_tell", "not_measured", ...
  std::string because;  // the comparison that chose it, as text
  std::string sentence;
};

struct Writeup {
  std::string markdown;
  std::vector<WriteupNumber> numbers;  // in the order of the text
  std::vector<WriteupClaim> claims;
  std::string patch_run;  // id of the patch run beside it that was used; empty for none
};

// Every number is filled from the run by key, every claim chosen by an interval or a check. Where a
// check of the run failed, the text says so and claims nothing. Throws FileError where a file of
// the run was changed or it has no projections.
Writeup write_up(const RunValues& values);

// Keys and texts of the numbers, claims with what chose them: report/writeup.json.
Json writeup_json(const Writeup& writeup);

// Words of the prose: without front matter, headings, tables, images, code, comments and the
// section on reproducing, which readers do not read from top to bottom.
int writeup_words(std::string_view markdown);

// What is wrong with a write-up that lies in the run: a number that is not the run's, with its line
// and key, and a claim that the run does not make. Sentences between them may be edited. Empty
// where nothing is wrong. Throws as write_up does.
std::vector<std::string> writeup_problems(const RunValues& values, std::string_view markdown);

// writeup.md and writeup.json as files of a report; none for a run without projections.
ReportFiles writeup_report(const StoredRun& run);

}  // namespace gnomon
