// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon::cli {

// Throw ArgumentError that names the option, what was given and what was expected.
[[noreturn]] void throw_unknown_choice(std::string_view option, const std::string& given,
                                       const std::vector<std::string>& choices);
std::int64_t parse_integer(std::string_view option, const std::string& given, std::int64_t smallest,
                           std::int64_t largest);

template <class T>
struct Choice {
  std::string name;
  T value;
};

// An option whose value is one of a few words; its help shows them.
template <class T>
CLI::Option* add_choice_option(CLI::App& app, const std::string& option, T& value,
                               const std::vector<Choice<T>>& choices, const std::string& help) {
  std::vector<std::string> names;
  for (const Choice<T>& choice : choices) names.push_back(choice.name);
  const auto assign = [option, &value, choices, names](const std::string& given) {
    for (const Choice<T>& choice : choices) {
      if (choice.name == given) {
        value = choice.value;
        return;
      }
    }
    throw_unknown_choice(option, given, names);
  };
  return app.add_option_function<std::string>(option, assign, help)
      ->type_name(CLI::detail::join(names, "|"));
}

template <class T>
CLI::Option* add_integer_option(CLI::App& app, const std::string& option, T& value,
                                std::int64_t smallest, std::int64_t largest,
                                const std::string& help) {
  const auto assign = [option, &value, smallest, largest](const std::string& given) {
    value = static_cast<T>(parse_integer(option, given, smallest, largest));
  };
  return app.add_option_function<std::string>(option, assign, help)->type_name("N");
}

}  // namespace gnomon::cli
