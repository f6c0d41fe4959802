// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "cli/help_topics.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/report/text_table.h"
#include "gnomon/tensor/safetensors.h"
#include "run_command.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::run_gnomon;

// Every command's path as arguments: {}, {"explain"}, {"model"}, {"model", "show"}, ...
std::vector<std::vector<std::string>> all_commands() {
  std::ostringstream out;
  cli::Context context{.options = {}, .out = out, .err = out};
  CLI::App app;
  cli::build_app(app, context);
  std::vector<std::vector<std::string>> paths = {{}};
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* command : app.get_subcommands(all)) {
    paths.push_back({command->get_name()});
    for (const CLI::App* inner : command->get_subcommands(all)) {
      paths.push_back({command->get_name(), inner->get_name()});
    }
  }
  return paths;
}

std::string documentation() {
  std::ifstream in(GNOMON_SOURCE_DIR "/docs/cli.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(CommandLine, HelpOfEveryCommandFitsInto80ColumnsAndIsDocumented) {
  const std::string document = documentation();
  ASSERT_GE(all_commands().size(), 9U);
  for (std::vector<std::string> arguments : all_commands()) {
    std::string path = "gnomon";
    for (const std::string& word : arguments) path += " " + word;
    arguments.emplace_back("--help");
    const auto result = run_gnomon(arguments);
    EXPECT_EQ(result.exit_status, 0) << path;
    EXPECT_EQ(result.err, "") << path;
    EXPECT_EQ(result.out.substr(0, path.size()), path);
    EXPECT_NE(document.find("`" + path), std::string::npos) << path << " is not in docs/cli.md";
    for (const std::string& line : test::lines_of(result.out)) {
      EXPECT_LE(display_width(line), 80) << path << ": " << line;
    }
    std::istringstream words(result.out);
    for (std::string word; words >> word;) {
      if (!word.starts_with("--") || word.size() < 4) continue;
      const std::string option = word.substr(0, word.find_first_of(",.;:"));
      EXPECT_NE(document.find(option), std::string::npos) << option << " is not in docs/cli.md";
    }
  }
}

TEST(CommandLine, EveryExampleOfTheHelpIsUnderstood) {
  std::ostringstream out;
  cli::Context context{.options = {}, .out = out, .err = out};
  CLI::App app;
  cli::build_app(app, context);
  const auto all = [](const CLI::App*) { return true; };
  const CLI::App& built = app;
  std::vector<const CLI::App*> commands = built.get_subcommands(all);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    for (const CLI::App* inner : commands[i]->get_subcommands(all)) commands.push_back(inner);
  }
  int n_examples = 0;
  for (const CLI::App* command : commands) {
    std::string footer = command->get_footer();
    for (std::size_t at = 0; (at = footer.find(" \\\n", at)) != std::string::npos;)
      footer.erase(at, 3);
    for (const std::string& line : test::lines_of(footer)) {
      const std::size_t start = line.find("gnomon ");
      ASSERT_NE(start, std::string::npos) << line;
      cli::Context example_context{.options = {}, .out = out, .err = out};
      CLI::App example_app;
      cli::build_app(example_app, example_context);
      EXPECT_NO_THROW(example_app.parse(line.substr(start + 7), false)) << line;
      EXPECT_TRUE(example_context.command) << line;
      ++n_examples;
    }
  }
  EXPECT_GE(n_examples, 10);
}

TEST(CommandLine, WithoutACommandShowsHelpAndFails) {
  const auto result = run_gnomon({});
  EXPECT_EQ(result.exit_status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("Usage"), std::string::npos);
  EXPECT_EQ(run_gnomon({"model"}).exit_status, 2);
  const auto as_json = run_gnomon({"model", "--json"});
  EXPECT_EQ(as_json.exit_status, 2);
  EXPECT_EQ(Json::parse(as_json.err)["error"]["code"], "E010");
}

TEST(CommandLine, Version) {
  const auto result = run_gnomon({"--version"});
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_EQ(result.out, "gnomon 0.1.0\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--version", "--json"}, {"--json", "--version"}}) {
    const Json json = Json::parse(run_gnomon(arguments).out);
    EXPECT_EQ(json["version"], "0.1.0");
    for (const char* key : {"commit", "compiler", "build_type", "blas", "threads"}) {
      EXPECT_TRUE(json.contains(key)) << key;
    }
    EXPECT_GE(json["threads"], 1);
  }
}

TEST(CommandLine, UnknownWordsGetASuggestion) {
  const auto command = run_gnomon({"explian", "sites"});
  EXPECT_EQ(command.exit_status, 2);
  EXPECT_EQ(command.out, "");
  EXPECT_EQ(command.err,
            "error[E010]: gnomon has no command \"explian\"; did you mean \"explain\"?\n"
            "  help: gnomon --help\n"
            "  see:  gnomon explain E010\n");
  const auto inner = run_gnomon({"model", "lits"});
  EXPECT_EQ(inner.exit_status, 2);
  EXPECT_NE(inner.err.find("gnomon model has no command \"lits\"; did you mean \"list\"?"),
            std::string::npos)
      << inner.err;
  const auto option = run_gnomon({"tokens", "--modle=x", "text"});
  EXPECT_EQ(option.exit_status, 2);
  EXPECT_NE(option.err.find("gnomon tokens has no option \"--modle\"; did you mean \"--model\"?"),
            std::string::npos)
      << option.err;
  const auto global = run_gnomon({"doctor", "--jsn"});
  EXPECT_NE(global.err.find("did you mean \"--json\"?"), std::string::npos) << global.err;
  const auto choice = run_gnomon({"doctor", "--color", "allways"});
  EXPECT_EQ(choice.exit_status, 2);
  EXPECT_NE(choice.err.find("--color is \"allways\", expected one of auto, always, never; did you "
                            "mean \"always\"?"),
            std::string::npos)
      << choice.err;
  const auto topic = run_gnomon({"help", "exit-code"});
  EXPECT_EQ(topic.exit_status, 2);
  EXPECT_NE(topic.err.find("did you mean \"exit-codes\"?"), std::string::npos) << topic.err;
}

TEST(CommandLine, BadValuesAndMissingOnes) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--threads", "two", "doctor"},
                                             {"--threads", "-1", "doctor"},
                                             {"--threads", "99999999999999999999", "doctor"},
                                             {"--seed", "1.5", "doctor"},
                                             {"--seed"},
                                             {"--backend", "fast", "doctor"},
                                             {"explain"},
                                             {"tokens", "text"},
                                             {"tokens", "--model", "a", "--model", "b", "text"},
                                             {"explain", "sites", "more"},
                                             {"model", "fetch"},
                                             {"model", "fetch", "no-such-model"},
                                             {"--json=perhaps", "doctor"}}) {
    const auto result = run_gnomon(arguments);
    EXPECT_EQ(result.exit_status, 2) << ::testing::PrintToString(arguments) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.substr(0, 13), "error[E010]: ") << result.err;
    EXPECT_EQ(test::lines_of(result.err).back(), "  see:  gnomon explain E010");
  }
}

TEST(CommandLine, GlobalOptionsStandBeforeAndAfterTheCommand) {
  const auto before = run_gnomon({"--json", "--seed", "7", "--threads=1", "explain", "E031"});
  const auto after = run_gnomon({"explain", "E031", "--json", "--seed", "7", "--threads=1"});
  EXPECT_EQ(before.exit_status, 0) << before.err;
  EXPECT_EQ(before.out, after.out);
  EXPECT_EQ(Json::parse(before.out)["kind"], "input_not_found");
  EXPECT_EQ(Json::parse(run_gnomon({"model", "--json", "list"}).out)["models"],
            Json::parse(run_gnomon({"model", "list", "--json"}).out)["models"]);
}

TEST(CommandLine, TheBackendIsThatOfTheRun) {
  const test::TemporaryFolder folder;
  const std::string text = folder.write("text.txt", "The old man went home.\n").string();
  const auto values_of = [&](const std::string& backend) {
    const std::filesystem::path out = folder / backend;
    const auto result =
        run_gnomon({"--backend", backend, "activations", "--model", "gnomon-books", "--texts", text,
                    "--site", "blocks.4.hook_resid_post@all", "--out", out.string()});
    EXPECT_EQ(result.exit_status, 0) << result.err;
    const SafetensorsFile file(out);
    const StoredTensor* tensor = file.find("blocks.4.hook_resid_post@all");
    std::vector<float> values(tensor->bytes.size() / sizeof(float));
    std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
    return values;
  };
  const std::vector<float> packed = values_of("packed");
  for (const char* backend : {"blas", "reference"}) {
    const std::vector<float> values = values_of(backend);
    ASSERT_EQ(values.size(), packed.size());
    EXPECT_NE(values, packed) << backend;
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_NEAR(values[i], packed[i], 1e-4 * (1 + std::abs(packed[i]))) << backend;
    const auto doctor = run_gnomon({"doctor", "--backend", backend});
    EXPECT_NE(doctor.out.find("matrix products: " + std::string(backend)), std::string::npos);
  }
  // The next command line begins anew.
  EXPECT_NE(run_gnomon({"doctor"}).out.find("matrix products: packed"), std::string::npos);
}

TEST(CommandLine, ErrorsAsOneLineOfJson) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--json", "model", "show", "/nonexistent/\x1b[31m\xff"},
           {"tokens", "--json", "--model", "/nonexistent", "x"}}) {
    const auto result = run_gnomon(arguments);
    EXPECT_EQ(result.exit_status, 3);
    EXPECT_EQ(result.out, "");
    ASSERT_EQ(test::lines_of(result.err).size(), 1U) << result.err;
    const Json error = Json::parse(result.err)["error"];
    EXPECT_EQ(error["code"], "E031");
    EXPECT_EQ(error["kind"], "input_not_found");
    EXPECT_EQ(error["exit"], 3);
    EXPECT_NE(error["message"].get<std::string>().find("searched"), std::string::npos);
    EXPECT_NE(error["hint"].get<std::string>().find("gnomon model fetch smollm2-135m"),
              std::string::npos);
  }
  const auto usage = run_gnomon({"--json", "nothing"});
  EXPECT_EQ(usage.exit_status, 2);
  EXPECT_EQ(Json::parse(usage.err)["error"]["kind"], "usage");
}

TEST(CommandLine, ErrorsEscapeWhatTheUserTyped) {
  const auto result = run_gnomon({"model", "show", "bad\x1b]0;title\x07\xff"});
  EXPECT_EQ(result.exit_status, 3);
  for (const char c : result.err) {
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << result.err;
  }
  EXPECT_NE(result.err.find("\\x1b]0;title\\x07\\xff"), std::string::npos) << result.err;
}

TEST(CommandLine, ModelNamesGetASuggestion) {
  const auto result = run_gnomon({"model", "show", "smolm2-135m"});
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_NE(result.err.find("did you mean \"smollm2-135m\"?"), std::string::npos) << result.err;
  const auto known = run_gnomon({"model", "show", "smollm2-135m"});
  EXPECT_EQ(known.exit_status, 3);
  EXPECT_NE(known.err.find("is not fetched yet, searched \"/nonexistent/gnomon-cache/models"),
            std::string::npos)
      << known.err;
}

TEST(CommandLine, ColourRules) {
  const std::vector<std::string> arguments = {"explain", "E031"};
  const auto colored = [&](const test::EnvironmentEntries& environment,
                           std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), arguments.begin(), arguments.end());
    return run_gnomon(flags, environment).out.find('\x1b') != std::string::npos;
  };
  EXPECT_FALSE(colored({}));
  EXPECT_TRUE(colored({{"CLICOLOR_FORCE", "1"}}));
  EXPECT_TRUE(colored({{"FORCE_COLOR", "1"}}));
  EXPECT_FALSE(colored({{"FORCE_COLOR", "0"}}));
  EXPECT_FALSE(colored({{"NO_COLOR", "1"}, {"FORCE_COLOR", "1"}}));
  EXPECT_TRUE(colored({{"NO_COLOR", "1"}}, {"--color", "always"}));
  EXPECT_FALSE(colored({{"FORCE_COLOR", "1"}}, {"--color=never"}));
  const auto on_terminal = [&](const test::EnvironmentEntries& environment) {
    return test::run_gnomon_on_terminal(arguments, environment).out.find('\x1b') !=
           std::string::npos;
  };
  EXPECT_TRUE(on_terminal({}));
  EXPECT_FALSE(on_terminal({{"NO_COLOR", "1"}}));
  EXPECT_TRUE(on_terminal({{"NO_COLOR", ""}}));
  EXPECT_FALSE(on_terminal({{"TERM", "dumb"}}));
  EXPECT_FALSE(on_terminal({{"CLICOLOR", "0"}}));
  // The two streams decide apart, and an error of the command line knows the flag already.
  EXPECT_NE(run_gnomon({"nothing", "--color", "always"}).err.find("\x1b[1;31merror[E010]:\x1b[0m"),
            std::string::npos);
}

TEST(CommandLine, ExitCodesAreDocumented) {
  const auto topic = run_gnomon({"help", "exit-codes"});
  EXPECT_EQ(topic.exit_status, 0);
  const std::string document = documentation();
  std::set<int> statuses;
  for (const ErrorCodeRow& row : error_code_table()) {
    const std::string entry = std::string(row.name) + " " + std::string(row.kind);
    EXPECT_NE(document.find(std::string(row.name)), std::string::npos) << row.name;
    EXPECT_NE(topic.out.find(row.name), std::string::npos) << row.name;
    statuses.insert(row.exit_status);
    const auto explained = run_gnomon({"explain", std::string(row.name)});
    EXPECT_EQ(explained.exit_status, 0);
    EXPECT_NE(explained.out.find(row.kind), std::string::npos);
  }
  EXPECT_EQ(statuses, (std::set<int>{1, 2, 3, 5, 6, 7, 70, 130}));
  for (const int status : statuses) {
    EXPECT_NE(document.find("| " + std::to_string(status) + " |"), std::string::npos) << status;
  }
  EXPECT_EQ(run_gnomon({"explain", "E999"}).exit_status, 2);
}

TEST(CommandLine, HelpTopicsFitInto80Columns) {
  for (const cli::HelpTopic& topic : cli::help_topics()) {
    const auto result = run_gnomon({"help", std::string(topic.name)});
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_GT(result.out.size(), 300U);
    for (const std::string& line : test::lines_of(result.out)) {
      EXPECT_LE(display_width(line), 80) << line;
    }
  }
  EXPECT_EQ(run_gnomon({"help", "model", "show"}).out, run_gnomon({"model", "show", "--help"}).out);
  EXPECT_NE(run_gnomon({"help"}).out.find("Topics"), std::string::npos);
}

TEST(CommandLine, AClosedPipeIsNoFailureAndAFullDiskIs) {
  const std::string command = GNOMON_COMMAND;
  EXPECT_EQ(std::system(("bash -c 'set -o pipefail; " + command +
                         " explain sites --json | head -c 1 >/dev/null'")
                            .c_str()),
            0);
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full on this machine";
  const int status = std::system((command + " explain sites > /dev/full 2> /dev/null").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 6);
}

TEST(CommandLine, ASecondSignalEndsTheProcess) {
  std::array<int, 2> in = {};
  std::array<int, 2> err = {};
  ASSERT_EQ(::pipe(in.data()), 0);
  ASSERT_EQ(::pipe(err.data()), 0);
  const std::string model = GNOMON_TEST_DATA "/models/gpt2-tiny";
  const auto start = [&] {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      test::become_gnomon({"tokens", "--model", model, "-"}, {});
    }
    return pid;
  };
  // The command waits for its input; the first signal is seen there.
  for (const int signal_number : {SIGINT, SIGTERM}) {
    const pid_t pid = start();
    ASSERT_GT(pid, 0);
    int status = 0;
    for (int i = 0; i < 500 && ::waitpid(pid, &status, WNOHANG) == 0; ++i) {
      ::usleep(20000);
      if (i >= 10) ::kill(pid, signal_number);
    }
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + signal_number);
  }
  for (const int fd : {in[0], in[1], err[0], err[1]}) ::close(fd);
}

}  // namespace
}  // namespace gnomon
