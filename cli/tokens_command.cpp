// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/json.h"
#include "gnomon/model/model.h"
#include "gnomon/report/text_table.h"
#include "gnomon/text/utf8.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

struct TokensOptions {
  std::string model;
  std::string text;
};

constexpr std::size_t kLargestInput = std::size_t{64} << 20;  // bytes; a table of more helps nobody

// By read(2): iostreams start an interrupted read again, and Ctrl-C would not be seen.
std::string read_standard_input() {
  std::string text;
  std::array<char, 65536> buffer = {};
  for (;;) {
    check_interrupted();
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      throw FileError(ErrorCode::unreadable, "standard input could not be read: " +
                                                 std::generic_category().message(errno));
    }
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > kLargestInput) {
      throw FileError(ErrorCode::bad_data,
                      fmt::format("standard input has more than {} bytes", kLargestInput));
    }
  }
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

Json text_or_null(std::string_view bytes) {
  return is_valid_utf8(bytes) ? Json(bytes) : Json(nullptr);
}

void print_json(const Context& context, const Tokenizer& tokenizer, const std::string& text,
                const Encoding& encoding) {
  Json tokens = Json::array();
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const TextSpan span = encoding.spans[i];
    const std::string_view bytes =
        std::string_view(text).substr(span.first, span.last - span.first);
    tokens.push_back({{"index", i},
                      {"id", encoding.ids[i]},
                      {"piece", text_or_null(tokenizer.piece(encoding.ids[i]))},
                      {"text", text_or_null(bytes)},
                      {"bytes", hexadecimal(bytes)},
                      {"first", span.first},
                      {"last", span.last},
                      {"special", tokenizer.is_special(encoding.ids[i])}});
  }
  Json json;
  json["text"] = text_or_null(text);
  json["n_bytes"] = text.size();
  json["n_tokens"] = encoding.ids.size();
  json["n_dropped_bytes"] = encoding.n_dropped_bytes;
  json["tokens"] = std::move(tokens);
  context.out << dump_json(json);
}

void print_table(const Context& context, const std::string& text, const Encoding& encoding) {
  TextTable table(
      {{"index", Align::right}, {"id", Align::right}, {"bytes", Align::right}, {"piece"}});
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const TextSpan span = encoding.spans[i];
    table.add_row({fmt::format("{}", i), fmt::format("{}", encoding.ids[i]),
                   fmt::format("{}-{}", span.first, span.last),
                   visible_text(std::string_view(text).substr(span.first, span.last - span.first),
                                WhitespaceStyle::shown)});
  }
  // The text's own signs, whatever the locale: a "?" for each would say nothing.
  context.out << table.render({.unicode = true});
}

void run_tokens(const Context& context, const TokensOptions& options) {
  const Model model = Model::load(resolve_model(options.model));
  const Tokenizer& tokenizer = model.tokenizer();
  const std::string text = options.text == "-" ? read_standard_input() : options.text;
  const Encoding encoding = tokenizer.encode_with_offsets(text);
  if (context.options.json) {
    print_json(context, tokenizer, text, encoding);
  } else {
    print_table(context, text, encoding);
  }
  if (encoding.n_dropped_bytes > 0) {
    context.message(fmt::format("{} bytes have no token in this vocabulary and were left out",
                                encoding.n_dropped_bytes));
  }
}

}  // namespace

void add_tokens_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<TokensOptions>();
  CLI::App* command = app.add_subcommand("tokens", "Show how a model splits a text into tokens");
  command->group(kStudyGroup);
  add_model_option(*command, options->model)->required();
  command
      ->add_option("text", options->text,
                   "The text, in quotes; - reads standard input, byte for byte. No token is added "
                   "to it.")
      ->type_name("TEXT")
      ->required();
  command->footer(
      "gnomon tokens --model smollm2-135m 'The sundial casts a shadow.'\n"
      "printf 'one line' | gnomon tokens --model ./gpt2 --json -");
  on_run(*command, context, [&context, options] { run_tokens(context, *options); });
}

}  // namespace gnomon::cli
