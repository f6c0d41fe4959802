// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include "cli/command_line.h"
#include "cli/descriptor_stream.h"
#include "cli/error_report.h"
#include "cli/signals.h"
#include "gnomon/base/error.h"

int main(int argc, char** argv) {
  using namespace gnomon::cli;  // NOLINT: this file is its front door
  install_signal_handlers();
  DescriptorBuffer out_buffer(STDOUT_FILENO);
  DescriptorBuffer err_buffer(STDERR_FILENO);
  std::ostream out(&out_buffer);
  std::ostream err(&err_buffer);
  err << std::unitbuf;
  Context context{.options = {}, .out = out, .err = err};
  context.arguments.assign(argv, argv + argc);
  const int status = run_command_line(context, {argv + 1, argv + argc});
  out.flush();
  // Who closed the pipe has read enough.
  const int failure = out_buffer.error_number();
  if (status != 0 || failure == 0 || failure == EPIPE) return status;
  return report_error(
      context, std::make_exception_ptr(gnomon::FileError(
                   gnomon::ErrorCode::write_failed, "standard output could not be written: " +
                                                        std::generic_category().message(failure))));
}
