// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/help_text.h"
#include "cli/help_topics.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon::cli {
namespace {

std::string topic_list() {
  std::string text = "\nTopics, for gnomon help TOPIC\n";
  for (const HelpTopic& topic : help_topics()) {
    text += labelled_text(fmt::format("  {}", topic.name), topic.summary, 14);
  }
  return text;
}

void show(const Context& context, std::string_view name, const std::string& text) {
  if (context.options.json) {
    context.out << dump_json(Json{{"topic", name}, {"text", text}});
  } else {
    context.out << text;
  }
}

// Null where there is no such command.
const CLI::App* find_command(const CLI::App& app, const std::vector<std::string>& path) {
  const CLI::App* found = &app;
  for (const std::string& name : path) {
    const auto has_name = [&](const CLI::App* command) { return command->get_name() == name; };
    const std::vector<const CLI::App*> commands = found->get_subcommands(has_name);
    if (commands.empty()) return nullptr;
    found = commands.front();
  }
  return found;
}

void run_help(const Context& context, const CLI::App& app, const std::vector<std::string>& path) {
  const std::string name = fmt::format("{}", fmt::join(path, " "));
  if (path.empty()) return show(context, "", help_text(app, context.color_out) + topic_list());
  for (const HelpTopic& topic : help_topics()) {
    if (topic.name == name) return show(context, name, topic.text());
  }
  if (const CLI::App* command = find_command(app, path)) {
    return show(context, name, help_text(*command, context.color_out));
  }
  std::vector<std::string> names;
  for (const HelpTopic& topic : help_topics()) names.emplace_back(topic.name);
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  std::string message = fmt::format("there is no help on {}", quote(name));
  if (const auto nearest = nearest_name(name, names)) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  throw ArgumentError(message, "gnomon help   lists commands and topics");
}

}  // namespace

void add_help_command(CLI::App& app, Context& context) {
  auto path = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("help", "Help on a command or a topic");
  command->group(kSetUpGroup);
  command->add_option("topic", *path, "A command, or sites, exit-codes, statistics, files")
      ->type_name("TOPIC");
  command->footer("gnomon help sites\ngnomon help model fetch");
  on_run(*command, context, [&context, &app, path] { run_help(context, app, *path); });
}

}  // namespace gnomon::cli
