// SPDX-License-Identifier: Apache-2.0
#include "cli/error_report.h"

#include <fmt/format.h>

#include <new>
#include <string>
#include <utility>

#include "cli/signals.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

struct Failure {
  ErrorCode code;
  std::string message;
  std::string hint;
};

Failure describe(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return {error.code(), error.what(), error.hint()};
  } catch (const std::bad_alloc&) {
    return {ErrorCode::out_of_resources, "not enough memory",
            "use fewer or shorter texts, or a smaller model"};
  } catch (const std::exception& error) {
    const InternalError internal(error.what());
    return {internal.code(), internal.what(), internal.hint()};
  } catch (...) {
    const InternalError internal("an exception of unknown type");
    return {internal.code(), internal.what(), internal.hint()};
  }
}

int exit_status(ErrorCode code) {
  if (code == ErrorCode::interrupted && stop_signal() != 0) return 128 + stop_signal();
  return error_code_row(code).exit_status;
}

std::string json_line(const Failure& failure, const ErrorCodeRow& row, int status) {
  Json line;
  line["error"] = {{"code", row.name},
                   {"kind", row.kind},
                   {"message", failure.message},
                   {"hint", failure.hint},
                   {"exit", status}};
  // Messages may name files whose names are not UTF-8.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

int report_error(const Context& context, std::exception_ptr failure) {
  const Failure described = describe(failure);
  const ErrorCodeRow& row = error_code_row(described.code);
  const int status = exit_status(described.code);
  if (context.options.json) {
    context.err << json_line(described, row, status) << '\n' << std::flush;
    return status;
  }
  const bool color = context.color_err;
  context.err << painted(fmt::format("error[{}]:", row.name), Paint::red, color) << ' '
              << visible_text(described.message) << '\n';
  if (!described.hint.empty()) {
    context.err << "  " << painted("help:", Paint::cyan, color) << ' '
                << visible_text(described.hint) << '\n';
  }
  context.err << "  " << painted("see:", Paint::cyan, color) << "  gnomon explain " << row.name
              << '\n'
              << std::flush;
  return status;
}

}  // namespace gnomon::cli
