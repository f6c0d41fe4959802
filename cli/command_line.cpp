// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <limits>
#include <ostream>
#include <system_error>

#include "cli/commands.h"
#include "cli/descriptor_stream.h"
#include "cli/error_report.h"
#include "cli/help_text.h"
#include "cli/option_values.h"
#include "cli/signals.h"
#include "cli/version.h"
#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/instruction_limit.h"

namespace gnomon::cli {
namespace {

constexpr const char* kVersionOption = "--version";

// What errors of the command line itself must know before it is understood.
void read_ahead(const std::vector<std::string>& arguments, GlobalOptions& options) {
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (arguments[i] == "--json") options.json = true;
    const std::string next = i + 1 < arguments.size() ? arguments[i + 1] : "";
    if (arguments[i] == "--color=always" || (arguments[i] == "--color" && next == "always")) {
      options.color = ColorMode::always;
    }
    if (arguments[i] == "--color=never" || (arguments[i] == "--color" && next == "never")) {
      options.color = ColorMode::never;
    }
  }
}

void decide_colors(Context& context) {
  context.color_out =
      use_color(context.options.color, is_terminal(STDOUT_FILENO), environment_variable);
  context.color_err =
      use_color(context.options.color, is_terminal(STDERR_FILENO), environment_variable);
}

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.set_help_flag("-h,--help", "Show help for the command");
  app.add_flag(kVersionOption)->description("Show the version; with --json, how it was built");
  app.add_flag("--json", options.json, "Data and errors as JSON, for programs");
  app.add_flag("-q,--quiet", options.quiet, "No messages and no progress");
  add_choice_option(
      app, "--color", options.color,
      {{"auto", ColorMode::automatic}, {"always", ColorMode::always}, {"never", ColorMode::never}},
      "Colour; auto asks NO_COLOR, CLICOLOR_FORCE and the terminal");
  add_choice_option(app, "--progress", options.progress,
                    {{"auto", ProgressMode::automatic},
                     {"bar", ProgressMode::bar},
                     {"plain", ProgressMode::plain},
                     {"none", ProgressMode::none}},
                    "Progress; auto is bar on a terminal and plain in logs and notebooks");
  constexpr std::int64_t kMostThreads = 4096;
  add_integer_option(app, "--threads", options.threads, 0, kMostThreads,
                     "Threads to use; 0 is as many as the machine has");
  std::vector<Choice<Backend>> backends;
  for (const Backend backend : kAllBackends)
    backends.push_back({std::string(backend_name(backend)), backend});
  add_choice_option(app, "--backend", options.backend, backends,
                    "Who computes matrix products: packed is Gnomon, whose rows have the same bits "
                    "in every batch, blas the system's library, reference plain loops in double");
  add_integer_option(app, "--seed", options.seed, 0, std::numeric_limits<std::int64_t>::max(),
                     "Where every random number starts from; 0 unless given");
}

// The subcommand that the line names, as far as it was understood.
const CLI::App& chosen_app(const CLI::App& app) {
  const CLI::App* chosen = &app;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
  return *chosen;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& chosen) {
  std::vector<std::string> names;
  for (const CLI::App* app = &chosen; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    }
  }
  return names;
}

std::string with_nearest(std::string message, const std::string& name,
                         const std::vector<std::string>& names) {
  if (const auto nearest = nearest_name(name, names)) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  return message;
}

ArgumentError unexpected_argument(const CLI::App& chosen, const std::string& argument) {
  const std::string help = command_path(chosen) + " --help";
  if (argument.size() > 1 && argument.front() == '-') {
    const std::string name = argument.substr(0, argument.find('='));
    return ArgumentError(
        with_nearest(fmt::format("{} has no option {}", command_path(chosen), quote(name)), name,
                     option_names(chosen)),
        help + "   (-- goes before a text that begins with -)");
  }
  const std::vector<std::string> commands = command_names(chosen);
  if (!commands.empty()) {
    return ArgumentError(
        with_nearest(fmt::format("{} has no command {}", command_path(chosen), quote(argument)),
                     argument, commands),
        help);
  }
  return ArgumentError(fmt::format("{} does not expect {}", command_path(chosen), quote(argument)),
                       help + "   (a text with spaces goes into quotes)");
}

// CLI11's complaints in our words.
ArgumentError command_line_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& chosen = chosen_app(app);
  const std::vector<std::string> rest = app.remaining(true);
  if (!rest.empty()) return unexpected_argument(chosen, rest.front());
  return ArgumentError(fmt::format("{}: {}", command_path(chosen), error.what()),
                       command_path(chosen) + " --help");
}

void show_version(const Context& context) {
  if (context.options.json) {
    context.out << dump_json(version_json());
  } else {
    context.out << "gnomon " << version_number() << '\n';
  }
}

// Nothing to run: the command has subcommands and none was named.
int show_what_there_is(const Context& context, const CLI::App& chosen) {
  if (context.options.json) {
    throw ArgumentError(command_path(chosen) + " needs a command",
                        command_path(chosen) + " --help");
  }
  context.err << help_text(chosen, context.color_err);
  return error_code_row(ErrorCode::usage).exit_status;
}

}  // namespace

void build_app(CLI::App& app, Context& context) {
  app.name("gnomon");
  app.description("ask what a neuron does, and check the answer");
  // Global options stand before or after the command's name.
  app.fallthrough();
  // One command, so that a later word that is also a command's name is an argument.
  app.require_subcommand(0, 1);
  add_global_options(app, context.options);
  add_commands(app, context);
}

int run_arguments(Context& context, const std::vector<std::string>& arguments) {
  read_ahead(arguments, context.options);
  decide_colors(context);
  CLI::App app;
  build_app(app, context);
  // CLI11 takes the arguments from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    decide_colors(context);
    context.out << help_text(chosen_app(app), context.color_out);
    return 0;
  } catch (const CLI::ParseError& error) {
    throw command_line_error(app, error);
  }
  decide_colors(context);
  if (context.options.threads > 0) set_threads(context.options.threads);
  set_default_backend(context.options.backend);
  const std::string instructions = environment_variable("GNOMON_INSTRUCTION_SET");
  if (!instructions.empty()) limit_instructions(instructions);
  if (app.count(kVersionOption) > 0) {
    show_version(context);
    return 0;
  }
  if (!context.command) return show_what_there_is(context, chosen_app(app));
  context.command();
  return 0;
}

int run_command_line(Context& context, const std::vector<std::string>& arguments) {
  try {
    return run_arguments(context, arguments);
  } catch (...) {
    context.out.flush();
    return report_error(context, std::current_exception());
  }
}

int run_program(const std::vector<std::string>& arguments) {
  install_signal_handlers();
  DescriptorBuffer out_buffer(STDOUT_FILENO);
  DescriptorBuffer err_buffer(STDERR_FILENO);
  std::ostream out(&out_buffer);
  std::ostream err(&err_buffer);
  err << std::unitbuf;
  Context context{.options = {}, .out = out, .err = err};
  context.arguments = arguments;
  const int status = run_command_line(context, {arguments.begin() + 1, arguments.end()});
  out.flush();
  // Who closed the pipe has read enough.
  const int failure = out_buffer.error_number();
  if (status != 0 || failure == 0 || failure == EPIPE) return status;
  return report_error(
      context, std::make_exception_ptr(FileError(ErrorCode::write_failed,
                                                 "standard output could not be written: " +
                                                     std::generic_category().message(failure))));
}

}  // namespace gnomon::cli
