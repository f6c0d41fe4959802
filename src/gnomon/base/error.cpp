// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/error.h"

#include <array>
#include <utility>

namespace gnomon {
namespace {

constexpr std::array kRows = {
    ErrorCodeRow{ErrorCode::internal, "E001", "internal_error", 70,
                 "A mistake in Gnomon itself: an assumption of its own code did not hold."},
    ErrorCodeRow{
        ErrorCode::numeric, "E002", "numeric_error", 1,
        "A number that must be finite or varied is not: a NaN or infinity in the weights or "
        "activations, a constant activation, a matrix that cannot be inverted."},
    ErrorCodeRow{ErrorCode::usage, "E010", "usage", 2,
                 "The command line or the configuration is not valid. Nothing was started."},
    ErrorCodeRow{
        ErrorCode::unknown_site, "E011", "unknown_site", 2,
        "The name is not a hook point of this model. `gnomon explain sites` lists them all."},
    ErrorCodeRow{ErrorCode::out_of_range, "E012", "out_of_range", 2,
                 "A layer, a coordinate or a position does not exist in this model or text."},
    ErrorCodeRow{
        ErrorCode::wrong_site, "E013", "wrong_site", 2,
        "The site exists, but what was asked is not defined for it: a coordinate of the residual "
        "stream has no input weights, and a direction may only be compared with a stream at the "
        "site where it is read."},
    ErrorCodeRow{
        ErrorCode::bad_data, "E014", "bad_data", 2,
        "The texts cannot answer the question: none are left, too few groups, or a constant "
        "activation."},
    ErrorCodeRow{
        ErrorCode::unsupported, "E020", "unsupported", 7,
        "The model file uses a feature that this version does not implement. It is refused by "
        "name rather than ignored."},
    ErrorCodeRow{
        ErrorCode::unreadable, "E030", "unreadable", 3,
        "A file exists and cannot be read: permissions, or a folder where a file is expected."},
    ErrorCodeRow{ErrorCode::not_found, "E031", "input_not_found", 3,
                 "A file, folder, model or run does not exist where it was looked for."},
    ErrorCodeRow{
        ErrorCode::bad_file, "E032", "bad_file", 3,
        "A file is truncated, corrupt, or not of the format it claims. The message names the "
        "place and what was expected there."},
    ErrorCodeRow{
        ErrorCode::write_failed, "E033", "write_failed", 6,
        "A file could not be written completely, most often because the disk is full. What "
        "stood there before is unchanged."},
    ErrorCodeRow{
        ErrorCode::check_failed, "E040", "check_failed", 5,
        "An identity that follows from the definition of a number does not hold on this data, "
        "so the number is not reported."},
    ErrorCodeRow{ErrorCode::out_of_resources, "E050", "out_of_resources", 6,
                 "Not enough memory or disk for what was asked."},
    ErrorCodeRow{
        ErrorCode::incompatible, "E060", "incompatible", 7,
        "A run directory or artefact was written by another version or for another model."},
    ErrorCodeRow{
        ErrorCode::interrupted, "E070", "interrupted", 130,
        "Stopped by Ctrl-C or a signal. Nothing half-written remains but the part of a download, "
        "which the next one goes on from."},
};

}  // namespace

std::span<const ErrorCodeRow> error_code_table() { return kRows; }

const ErrorCodeRow& error_code_row(ErrorCode code) {
  for (const ErrorCodeRow& row : kRows) {
    if (row.code == code) return row;
  }
  return kRows.front();
}

Error::Error(ErrorCode code, const std::string& message, std::string hint)
    : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

}  // namespace gnomon
