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
  std::string path;              // as given
  std::string sha256;            // of the file's bytes
  std::int64_t n_lines = 0;      // lines of the file, whatever they hold
  std::int64_t n_blank = 0;      // lines dropped because nothing visible stands on them
  std::int64_t n_fragments = 0;  // pieces left out because they are no sentences (read_sentences)
  std::int64_t n_texts = 0;      // records
  std::int64_t n_distinct = 0;   // byte-wise different texts
  std::int64_t n_empty = 0;  // kept records without a visible character (CSV and JSON Lines only)
  std::int64_t n_nul = 0;    // texts that contain a NUL byte, kept as it is
  std::int64_t n_invalid_utf8 = 0;  // texts that are not valid UTF-8, kept byte for byte
};

struct Corpus {
  std::vector<TextRecord> records;
  CorpusReport report;
};

// By the file name's extension, in either case: .csv, .jsonl or .ndjson; anything else is read as
// lines. Extensions of formats that would be nonsense as lines (.json, .tsv, .parquet, ...) are
// refused with UnsupportedError.
enum class CorpusFormat { lines, csv, jsonl };
CorpusFormat corpus_format(const std::filesystem::path& path);

// With the reader of corpus_format.
Corpus read_corpus(const std::filesystem::path& path);

// One text per line. Lines end with LF or CR LF; the last one may lack it.
Corpus read_text_lines(const std::filesystem::path& path);

// RFC 4180 with a header line that has a column "text" and may have "template" and "group". Every
// value is a string: NA, null and the empty value too.
Corpus read_csv_texts(const std::filesystem::path& path);

// One JSON object per line, with a string "text" and optionally strings "template" and "group".
Corpus read_jsonl_texts(const std::filesystem::path& path);

// What the sentences of a file belong together by, as their `group`.
//   none     nothing
//   chapter  the part of the file from one chapter heading to the next
//   book     the file
enum class SentenceGroup { none, chapter, book };

// The sentences of a plain text with paragraphs, such as a book: one record for each. Lines of a
// paragraph are put together with single spaces; headings, and the end of a paragraph without a
// sentence's end, are left out and counted. Rules, exactly: docs/formats/texts.md. Throws
// ArgumentError for a file that read_corpus does not read as lines.
Corpus read_sentences(const std::filesystem::path& path, SentenceGroup group);

// All readers skip a UTF-8 byte order mark and throw FileError, with file, line, what was found and
// what was expected: where the file does not exist or is not of its format, a text is longer than
// kLargestText, the file starts with a UTF-16 or UTF-32 byte order mark, or no text is left
// (bad_data).

}  // namespace gnomon
