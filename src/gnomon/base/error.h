// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gnomon {

// What went wrong, as the user meets it. The letters-and-digits code, the kind and the exit status
// are stable: they appear in scripts and documents. `error_code_table` has one row for each.
enum class ErrorCode {
  internal,          // E001
  numeric,           // E002
  usage,             // E010
  unknown_site,      // E011
  out_of_range,      // E012
  wrong_site,        // E013
  bad_data,          // E014
  unsupported,       // E020
  unreadable,        // E030
  not_found,         // E031
  bad_file,          // E032
  write_failed,      // E033
  check_failed,      // E040
  out_of_resources,  // E050
  incompatible,      // E060
  interrupted,       // E070
};

struct ErrorCodeRow {
  ErrorCode code;
  std::string_view name;  // "E031"
  std::string_view kind;  // "input_not_found"
  int exit_status;
  std::string_view meaning;  // one or two sentences, shown by `gnomon explain E031`
};

std::span<const ErrorCodeRow> error_code_table();
const ErrorCodeRow& error_code_row(ErrorCode code);

// Every failure the library reports. The message says what was found and what was expected, in one
// line without a full stop; the hint says what to do and may be empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string hint = {});
  ErrorCode code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  ErrorCode code_;
  std::string hint_;
};

// The caller passed something wrong.
class ArgumentError : public Error {
 public:
  explicit ArgumentError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::usage, message, std::move(hint)) {}
  ArgumentError(ErrorCode code, const std::string& message, std::string hint = {})
      : Error(code, message, std::move(hint)) {}
};

class ShapeError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

// A file is missing, short, corrupt or of another version. The message names the path.
class FileError : public Error {
 public:
  explicit FileError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::bad_file, message, std::move(hint)) {}
  FileError(ErrorCode code, const std::string& message, std::string hint = {})
      : Error(code, message, std::move(hint)) {}
};

// The build, the machine or this version lacks it; the message names the feature.
class UnsupportedError : public Error {
 public:
  explicit UnsupportedError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::unsupported, message, std::move(hint)) {}
};

// Numbers went bad: NaN, divergence, a variance of zero where one is needed.
class NumericError : public Error {
 public:
  explicit NumericError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::numeric, message, std::move(hint)) {}
};

// An identity that follows from a number's definition does not hold.
class CheckError : public Error {
 public:
  explicit CheckError(const std::string& message, std::string hint = {})
      : Error(ErrorCode::check_failed, message, std::move(hint)) {}
};

// A mistake of ours.
class InternalError : public Error {
 public:
  explicit InternalError(const std::string& message)
      : Error(ErrorCode::internal, message, "please report this with the command that led to it") {}
};

}  // namespace gnomon
