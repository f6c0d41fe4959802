// SPDX-License-Identifier: Apache-2.0
#include "cli/help_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/terminal.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon::cli {
namespace {

constexpr int kIndent = 24;

std::string heading(std::string_view text, bool color) {
  return "\n" + painted(text, Paint::bold, color) + "\n";
}

// "-m, --model MODEL"
std::string option_label(const CLI::Option& option) {
  std::string label = "  ";
  for (const std::string& name : option.get_snames()) label += "-" + name + ", ";
  for (const std::string& name : option.get_lnames()) label += "--" + name;
  if (!option.get_type_name().empty()) label += " " + option.get_type_name();
  return label;
}

std::string argument_name(const CLI::Option& option) { return option.get_type_name(); }

std::vector<const CLI::Option*> options_of(const CLI::App& app, bool positional) {
  return app.get_options(
      [positional](const CLI::Option* option) { return option->get_positional() == positional; });
}

std::string usage(const CLI::App& command) {
  std::string line = command_path(command);
  const bool has_commands = !command.get_subcommands([](const CLI::App*) { return true; }).empty();
  if (has_commands) return line + " COMMAND [OPTIONS]";
  for (const CLI::Option* option : options_of(command, false)) {
    if (!option->get_required()) continue;
    line += fmt::format(" --{} {}", option->get_lnames().front(), option->get_type_name());
  }
  line += " [OPTIONS]";
  for (const CLI::Option* option : options_of(command, true)) {
    const std::string name = argument_name(*option);
    line += option->get_required() ? fmt::format(" {}", name) : fmt::format(" [{}]", name);
  }
  return line;
}

std::string option_section(const CLI::App& command, std::string_view title, bool color) {
  std::string text;
  for (const CLI::Option* option : options_of(command, false)) {
    text += labelled_text(option_label(*option), option->get_description(), kIndent);
  }
  return text.empty() ? text : heading(title, color) + text;
}

std::string argument_section(const CLI::App& command, bool color) {
  std::string text;
  for (const CLI::Option* option : options_of(command, true)) {
    text += labelled_text("  " + argument_name(*option), option->get_description(), kIndent);
  }
  return text.empty() ? text : heading("Arguments", color) + text;
}

std::string command_section(const CLI::App& app, bool color) {
  std::vector<std::string> groups;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) {
    if (std::find(groups.begin(), groups.end(), command->get_group()) == groups.end()) {
      groups.push_back(command->get_group());
    }
  }
  std::string text;
  for (const std::string& group : groups) {
    text += heading(group == "Subcommands" ? "Commands" : group, color);
    for (const CLI::App* command : commands) {
      if (command->get_group() != group) continue;
      text += labelled_text("  " + command->get_name(), command->get_description(), 14);
    }
  }
  return text;
}

std::string example_section(const CLI::App& command, bool color) {
  if (command.get_footer().empty()) return {};
  std::string text = heading("Examples", color);
  const std::string footer = command.get_footer();
  std::string_view examples = footer;
  while (!examples.empty()) {
    const std::size_t end = std::min(examples.find('\n'), examples.size());
    text += fmt::format("  {}\n", examples.substr(0, end));
    examples.remove_prefix(std::min(end + 1, examples.size()));
  }
  return text;
}

}  // namespace

std::string command_path(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : command_path(*parent) + " " + command.get_name();
}

std::string help_text(const CLI::App& command, bool color) {
  std::string text = labelled_text(command_path(command) + " -", command.get_description(),
                                   static_cast<int>(command_path(command).size()) + 3);
  text += heading("Usage", color) + "  " + usage(command) + "\n";
  text += command_section(command, color);
  text += argument_section(command, color);
  if (command.get_parent() == nullptr) {
    text += option_section(command, "Options, before or after the command", color);
  } else {
    text += option_section(command, "Options", color);
  }
  text += example_section(command, color);
  if (command.get_parent() != nullptr) {
    text += "\n" + labelled_text("Also:",
                                 "--json --quiet --color --progress --threads --seed, see gnomon "
                                 "--help",
                                 6);
  }
  return text;
}

}  // namespace gnomon::cli
