// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "gnomon/text/text_record.h"

namespace gnomon {

// in: a file of texts    out: one record per text, in file order, and what was counted on the way
//
// Formats, exactly: docs/formats/texts.md.

inline constexpr std::size_t kLargestText = std::size_t{1} << 20;      // bytes, 1 MiB
inline constexpr std::size_t kLargestJsonLine = std::size_t{8} << 20;  // bytes, 8 MiB
inline constexpr std::size_t kLargestTextFile = std::size_t{1} << 30;  // bytes, 1 GiB

struct CorpusReport {
  std::string path;             // as given
  std::string sha256;           // of the file's bytes
  std::int64_t n_lines = 0;     // lines of the file, whatever they hold
  std::int64_t n_blank = 0;     // lines dropped because nothing visible stands on them
  std::int64_t n_texts = 0;     // records
  std::int64_t n_distinct = 0;  // byte-wise different texts
  std::int64_t n_empty = 0;  // kept records without a visible character (CSV and JSON Lines only)
  std::int64_t n_nul = 0;    // texts that contain a NUL byte, kept as it is
  std::int64_t n_invalid_utf8 = 0;  // texts that are not valid UTF-8, kept byte for byte
};

struct Corpus {
  std::vector<TextRecord> records;
  CorpusReport report;
};

// Chooses the reader by the file name's extension, in either case: .csv, .jsonl or .ndjson,
// anything else is read as lines. Extensions of formats that would be nonsense as lines (.json,
// .tsv, .parquet, ...) are refused with UnsupportedError.
Corpus read_corpus(const std::filesystem::path& path);

// One text per line. Lines end with LF or CR LF; the last one may lack it.
Corpus read_text_lines(const std::filesystem::path& path);

// RFC 4180 with a header line that has a column "text" and may have "template" and "group". Every
// value is a string: NA, null and the empty value too.
Corpus read_csv_texts(const std::filesystem::path& path);

// One JSON object per line, with a string "text" and optionally strings "template" and "group".
Corpus read_jsonl_texts(const std::filesystem::path& path);

// All readers skip a UTF-8 byte order mark and throw FileError, with file, line, what was found and
// what was expected: where the file does not exist or is not of its format, a text is longer than
// kLargestText, the file starts with a UTF-16 or UTF-32 byte order mark, or no text is left
// (bad_data).

}  // namespace gnomon
