// SPDX-License-Identifier: Apache-2.0
#include "cli/help_topics.h"

#include <fmt/format.h>

#include <array>
#include <map>

#include "gnomon/base/error.h"
#include "gnomon/report/glossary.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon::cli {
namespace {

std::string sites_text() {
  return R"(A site says which number of the forward pass is meant:

  blocks.8.mlp.hook_post[481]@last
  └ hook point ─────────┘└ c ┘└ position

Hook point   the tensor, by TransformerLens's name. `gnomon explain sites` lists
             all of them with their equations, `gnomon explain SITE` tells all
             about one.
Coordinate   which number of the tensor's row: [481], or [head,channel] where
             the site has heads. Counted from 0.
Position     which token of a text: @last (where nothing is said), @5 counted
             from 0, @-2 counted from the end, @all.

Names of other libraries are understood where a site has the same values:

  post8                              TransformerLens's get_act_name
  blocks.8.mlp.out.hook_in           TransformerLens 3's components
  transformer.h.8.mlp.act.out        Hugging Face modules, .in or .out
  model.layers.8.mlp.down_proj.in
  layer_8_comp_mlp_activation        pyvene's keys

A name with no equal among the sites is refused, with the nearest site: Llama's
act_fn.out is a factor of the neuron, and hidden_states[-1] has the final norm
applied.
)";
}

std::string exit_codes_text() {
  std::map<int, std::string> causes = {{0, "success"}};
  for (const ErrorCodeRow& row : error_code_table()) {
    std::string& cause = causes[row.exit_status];
    if (!cause.empty()) cause += ", ";
    cause += fmt::format("{} {}", row.name, row.kind);
  }
  causes[130] += " by Ctrl-C";
  causes[143] = "the same by SIGTERM";
  std::string text = "Exit status, with the errors that lead to it:\n\n";
  for (const auto& [status, cause] : causes) {
    text += labelled_text(fmt::format("  {}", status), cause, 8);
  }
  text += "\n`gnomon explain CODE` says more about an error. With --json an error is one\n";
  text += "line on stderr: {\"error\":{\"code\",\"kind\",\"message\",\"hint\",\"exit\"}}.\n";
  return text;
}

std::string statistics_text() {
  std::string text;
  for (const Term& term : glossary()) {
    if (term.kind == TermKind::statistic || term.kind == TermKind::practice)
      text += labelled_text(term.name, term.brief, 19);
  }
  return text + "\n`gnomon explain WORD` says more about one, such as `gnomon explain interval`.\n";
}

std::string files_text() {
  return R"(Models       a name that `gnomon model list` shows, or
             a folder   config.json, model.safetensors (or its parts and their
                        index), tokenizer.json (or vocab.json, merges.txt), as
                        Hugging Face has them
             a file     .gguf, or
             ORG/NAME, ORG/NAME@REV   in the Hugging Face cache
             Files are mapped into memory and never changed.
Cache        $GNOMON_CACHE, else $XDG_CACHE_HOME/gnomon, else ~/.cache/gnomon.
             `gnomon model fetch NAME` writes models/NAME/ there.
             $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub:
             `gnomon model fetch ORG/NAME` writes models--ORG--NAME/ there, as
             the Python package huggingface_hub does.
Texts        - stands for standard input.
Environment  GNOMON_CACHE XDG_CACHE_HOME HOME     where fetched models are
             NO_COLOR CLICOLOR CLICOLOR_FORCE FORCE_COLOR TERM     colour
             COLUMNS     width of progress lines where no terminal tells it
             JPY_PARENT_PID JPY_SESSION_NAME     a notebook: plain progress
             HF_HOME HF_HUB_CACHE HF_ENDPOINT HF_TOKEN HF_TOKEN_PATH
             HF_HUB_OFFLINE HF_HUB_DISABLE_SYMLINKS HF_HUB_ETAG_TIMEOUT
             HF_HUB_DOWNLOAD_TIMEOUT HF_HUB_DISABLE_IMPLICIT_TOKEN
             HF_HUB_DISABLE_PROGRESS_BARS     as huggingface_hub has them
             GNOMON_PYTHON     the Python that runs notebooks; python3 if unset
             GNOMON_INSTRUCTION_SET     baseline, avx2 or avx512: the most of
                        the processor that Gnomon's own kernels use
Network      `gnomon model fetch` is the only command that uses it.
)";
}

constexpr std::array kTopics = {
    HelpTopic{"sites", "how to name a number of the forward pass", sites_text},
    HelpTopic{"exit-codes", "exit status and errors", exit_codes_text},
    HelpTopic{"statistics", "what the numbers in tables mean", statistics_text},
    HelpTopic{"files", "models, cache, environment", files_text},
};

}  // namespace

std::span<const HelpTopic> help_topics() { return kTopics; }

}  // namespace gnomon::cli
