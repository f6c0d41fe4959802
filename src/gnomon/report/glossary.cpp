// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/glossary.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

constexpr std::string_view kProjections = "docs/methods/projections.md";

const std::vector<Term>& terms() {
  static const std::vector<Term> kTerms = {
      {"token",
       "token",
       TermKind::idea,
       "A piece of text, a word or part of one, that the model reads as one unit.",
       "A model turns a text into tokens and computes one set of numbers for each. A token is "
       "influenced by those before it and never by those after it. Gnomon adds no padding: every "
       "position is a token of the text.",
       {"tokens"},
       {"position"},
       ""},
      {"position",
       "position",
       TermKind::idea,
       "Which token of a text is meant: @last, @5 counted from 0, @-2 counted from the end, or "
       "@all.",
       "A number at one token and the number of the same name at another token have nothing to do "
       "with each other. Where nothing is said, the last token is meant.",
       {"@last", "@all"},
       {"token", "site"},
       ""},
      {"residual-stream",
       "residual stream",
       TermKind::idea,
       "The d_model numbers that a model keeps for each token and to which every block adds.",
       "It begins as the token's embedding. Each block reads it, computes something, and adds the "
       "result; nothing is ever overwritten. The stream before a block is resid_pre, after its "
       "attention resid_mid, after its MLP resid_post.",
       {"stream", "residual", "resid", "hidden state", "hidden states"},
       {"block", "site"},
       ""},
      {"block",
       "block",
       TermKind::idea,
       "One layer of the model: attention, which brings in information from earlier tokens, then "
       "an "
       "MLP.",
       "Blocks are counted from 0, so that a model of 12 blocks has the blocks 0 to 11. What a "
       "block "
       "adds to the stream is attn_out and mlp_out.",
       {"layer", "blocks", "layers"},
       {"residual-stream", "neuron"},
       ""},
      {"normalisation",
       "normalisation",
       TermKind::idea,
       "Before a block reads the stream, the stream is scaled to a standard size, token by token.",
       "LayerNorm (GPT-2) also subtracts the mean over the d_model numbers; RMSNorm (Llama) only "
       "divides. Both then multiply by learned weights. A neuron reads ln2.hook_out, which is "
       "after "
       "all of this: a projection of the stream before it is another number.",
       {"norm", "layernorm", "layer norm", "rmsnorm", "normalization", "ln2"},
       {"input", "ladder"},
       ""},
      {"neuron",
       "neuron",
       TermKind::idea,
       "One of the d_mlp units of a block's MLP: it reads along one direction and writes along "
       "another.",
       "Its pre-activation is the product of the normalised stream with its input weights, its "
       "activation a curve of that (GELU), or in a gated MLP silu of one product times another. "
       "The "
       "activation times the output weights is what it adds to the stream. A coordinate of mlp_out "
       "is "
       "no neuron: it is a sum over all of them, and only its number looks alike.",
       {"unit", "mlp neuron", "neurons"},
       {"activation", "input", "output"},
       ""},
      {"activation",
       "activation",
       TermKind::idea,
       "The one number that a neuron has at one token of one text.",
       "It is measured in the forward pass, at the site and position that the target names, after "
       "the "
       "activation function where the site is hook_post. It is the truth that every report and "
       "every "
       "projection is compared with.",
       {"ground truth", "truth", "target value"},
       {"target", "neuron"},
       ""},
      {"site",
       "site",
       TermKind::idea,
       "A named place in the model's computation, such as blocks.8.mlp.hook_post[481].",
       "The name is TransformerLens's. A number in brackets is the coordinate. Two sites may have "
       "the "
       "same width and coordinate and hold different quantities, so every number carries its site.",
       {"hook", "hook point", "hook points"},
       {"position", "target"},
       ""},
      {"target",
       "target",
       TermKind::idea,
       "The quantity that is reported: a site with its coordinate, at a position of each text.",
       "A snapshot target is measured once, in the model before training. A live target is "
       "measured in "
       "the model that is being trained, and may move with it.",
       {"snapshot", "live"},
       {"activation", "site"},
       ""},
      {"vector-and-scalar",
       "comparing a number with a vector",
       TermKind::idea,
       "A stream of d_model numbers becomes one number by its dot product with a direction; that "
       "number "
       "is compared with the activation, text by text.",
       "For each text there is then a pair: projection and activation. Over many texts the pairs "
       "have a "
       "correlation. Nothing is compared with a vector as such.",
       {"scalar", "vector", "dot product"},
       {"projection", "correlation"},
       kProjections},
      {"direction",
       "direction",
       TermKind::idea,
       "A vector of d_model numbers together with the site at which it is read or written.",
       "Weights of the neuron, of a head, a gradient and a random vector are all directions. A "
       "direction "
       "means something only for the stream at its own site.",
       {"directions"},
       {"projection", "site"},
       kProjections},
      {"projection",
       "projection",
       TermKind::idea,
       "The dot product of the stream at a site with a direction that belongs to that site: one "
       "number a "
       "text.",
       "Multiply the d_model numbers of the stream by those of the direction, add up. Its size "
       "depends on "
       "the length of the direction, so that only its ups and downs can be compared with the "
       "activation.",
       {"projections"},
       {"direction", "vector-and-scalar"},
       kProjections},
      {"report",
       "report",
       TermKind::idea,
       "What a reporter says the activation is: one number a text.",
       "A reporter is a head on the stream, a part of the model that was trained, or the model's "
       "own "
       "tokens.",
       {"reporter"},
       {"head", "held-out"},
       "docs/methods/training.md"},

      {"head",
       "head direction",
       TermKind::direction,
       "The weights of a linear read-out that was fitted or trained to report the activation.",
       "Projection: last block's hook_resid_post · w + b, before the model's final norm. That it "
       "correlates says that the activation can be told from the last stream by a line, and not "
       "that the "
       "neuron is where it comes from.",
       {"reporter head", "head"},
       {"report", "filter-and-pattern"},
       kProjections},
      {"input",
       "input direction",
       TermKind::direction,
       "What the neuron reads: its input weights, at the output of the norm before its MLP.",
       "Projection: ln2.hook_out · W_in[:, n] + b_in[n]. In a model without gates that is the "
       "pre-activation itself, so that only the activation function stands between it and the "
       "activation. "
       "In a gated model, where two products are multiplied, input is their mean gradient.",
       {"read direction", "input weights", "w_in"},
       {"neuron", "input-branches", "ladder"},
       kProjections},
      {"input-branches",
       "input_gate and input_up",
       TermKind::direction,
       "The two input directions of a gated neuron, each alone.",
       "The activation is silu(gate) times up. Neither product alone decides it, and the sign of "
       "one may "
       "be turned by the other: r near -1 is as close as r near +1.",
       {"input_gate", "input_up", "gate", "up", "w_gate"},
       {"input"},
       kProjections},
      {"output",
       "output direction",
       TermKind::direction,
       "What the neuron writes: its output weights, at the stream right after its block.",
       "Projection: hook_resid_post of the neuron's block · W_out[n]. The stream there holds the "
       "neuron's "
       "own write, and everything else that was ever added: r is small where the rest is large.",
       {"write direction", "output weights", "w_out"},
       {"neuron", "final", "ladder"},
       kProjections},
      {"final",
       "final direction",
       TermKind::direction,
       "The same output weights at the stream after the last block.",
       "Projection: last block's hook_resid_post · W_out[n], before the model's final norm. Later "
       "blocks "
       "have added their own by then.",
       {"final residual", "final stream"},
       {"output", "ladder"},
       kProjections},

      {"correlation",
       "correlation r",
       TermKind::statistic,
       "How well two columns of numbers move together: 1 for a perfect line upward, -1 downward, 0 "
       "for no "
       "line.",
       "Pearson's r. Its sign counts, its scale does not: r = 1 where one is the other times a "
       "positive "
       "number plus a constant. So r cannot see a report that is always too large. It is never "
       "shown "
       "without its interval and the number of texts.",
       {"r", "pearson", "pearson's r", "correlation"},
       {"interval", "r2-identity"},
       "docs/methods/correlation.md"},
      {"interval",
       "interval",
       TermKind::statistic,
       "How far the number may be off through the choice of texts: 95 of 100 such ranges hold the "
       "true one.",
       "By a bootstrap: the analysis is repeated with whole text groups drawn at random, 2,000 "
       "times unless "
       "said otherwise. Where it holds 0, the sign of the number is not known.",
       {"ci", "confidence interval", "bootstrap", "95 %"},
       {"text-group"},
       "docs/methods/bootstrap.md"},
      {"p-value",
       "p",
       TermKind::statistic,
       "How often unrelated columns of this length would agree at least this well.",
       "Two-sided, through the incomplete beta function, with log10 p so that it never becomes 0. "
       "n is the "
       "number of distinct text groups. Holm's correction covers the directions of one run, and "
       "not the "
       "neurons that were looked at before it. A small p says nothing about size: read r and its "
       "interval.",
       {"p", "holm", "p value", "significance"},
       {"correlation", "text-group"},
       "docs/methods/correlation.md"},
      {"spearman",
       "Spearman",
       TermKind::statistic,
       "The correlation of the ranks: whether one column rises when the other does, line or curve.",
       "Where it is far above r, the relation is a curve; where it is far below, a few large "
       "values carry r.",
       {"rank correlation"},
       {"correlation"},
       "docs/methods/correlation.md"},
      {"r2-fit",
       "R² (fit)",
       TermKind::statistic,
       "r squared: the share of the activation's variance that the best line through the "
       "projection "
       "accounts for.",
       "The line is fitted to the same texts, so that scale and offset cost nothing.",
       {"r2fit", "r2_fit", "r²fit"},
       {"r2-identity", "correlation"},
       "docs/methods/correlation.md"},
      {"r2-identity",
       "R² (identity)",
       TermKind::statistic,
       "How good the number is as it stands: 1 - SSE/SST, without fitting anything.",
       "1 is perfect, 0 no better than always saying the mean, below 0 worse. A projection in "
       "other units "
       "has a large negative value, which says only that its units are others. Of a report it is "
       "the score "
       "that counts.",
       {"r2", "r2ident", "r2_identity", "r²ident", "r²"},
       {"r2-fit", "baseline"},
       "docs/methods/evaluation.md"},
      {"random-directions",
       "random directions",
       TermKind::statistic,
       "Where |r| falls among directions that have nothing to do with the neuron.",
       "1,000 directions drawn with the covariance of the stream at that site: a few coordinates "
       "hold most "
       "of the stream's variance, and a direction with a share in them correlates with anything "
       "they "
       "correlate with. The percentile is not a p-value.",
       {"random", "null", "null directions", "percentile"},
       {"other-neurons", "correlation"},
       kProjections},
      {"other-neurons",
       "other neurons",
       TermKind::statistic,
       "Where |r| falls among the same read or write of the layer's other neurons, against this "
       "neuron's "
       "activation.",
       "A direction that is no better than other neurons' is not this neuron's in particular.",
       {"neurons column", "neurons"},
       {"random-directions"},
       kProjections},
      {"cosine",
       "cosine",
       TermKind::statistic,
       "The angle between two weight vectors: 1 same direction, 0 at right angles, -1 opposite.",
       "It looks at no text. In a space of d_model dimensions unrelated vectors have cosines near "
       "0, and "
       "their spread is shown beside each. A small cosine does not show that a head ignores the "
       "neuron.",
       {"cosine similarity", "cos"},
       {"filter-and-pattern"},
       kProjections},
      {"filter-and-pattern",
       "filter and pattern",
       TermKind::statistic,
       "A head's weights w are a filter; what it picks up is the pattern Σw, Σ the covariance of "
       "the "
       "stream.",
       "A good filter also cancels what is in its way, so its weights point away from the signal "
       "as soon as "
       "something else correlates with it (Haufe et al. 2014). Both are reported.",
       {"filter", "pattern", "haufe"},
       {"cosine", "head"},
       "docs/methods/weights.md"},
      {"ladder",
       "audit ladder",
       TermKind::statistic,
       "Why r is not 1: the operations between a projection and the activation, switched on one "
       "after "
       "another.",
       "Every step has r after it and what it changed. The last step is the activation itself, so "
       "that r "
       "must be 1 there to rounding; where it is not, the run is inconsistent and fails. A step of "
       "0 by "
       "algebra adds the same number for every text, which cannot change r. The order matters: the "
       "Shapley "
       "value is the mean over all orders.",
       {"audit", "shapley", "rung", "step"},
       {"input", "output", "final"},
       "docs/methods/audit_ladder.md"},
      {"gain",
       "causal gain",
       TermKind::statistic,
       "How much the report moves when the neuron is written into: the slope of the report on the "
       "value "
       "written.",
       "1: the report says what the neuron holds. 0: it follows something else about the text. "
       "Only values "
       "that the neuron takes by itself count, and the same is done to other neurons for "
       "comparison.",
       {"causal gain", "patching", "patch", "slope", "dose", "dose response"},
       {"report", "baseline"},
       "docs/methods/patching.md"},

      {"text-group",
       "text group",
       TermKind::practice,
       "Texts that are the same after normalisation, share a template or nearly coincide: one "
       "unit.",
       "Rows of one group are not independent, so whole groups are dealt to the parts of a split "
       "and drawn by "
       "the bootstrap. Tables show rows and distinct groups.",
       {"group", "groups", "distinct", "distinct texts", "near-duplicate"},
       {"held-out", "interval"},
       "docs/methods/splits.md"},
      {"held-out",
       "held-out texts",
       TermKind::practice,
       "Texts that nothing was fitted to: all scores are of these.",
       "Groups are dealt to train, val and test. Heads and coefficients come from train, the "
       "choice of an "
       "epoch from val, every number of a table from test.",
       {"test", "split", "train", "val", "held out"},
       {"text-group"},
       "docs/methods/splits.md"},
      {"baseline",
       "baseline",
       TermKind::practice,
       "What a report has to beat: predictions that never looked at the neuron.",
       "The training mean, a look-up of the same text, the length of the text, the position, the "
       "last token, "
       "and shuffled labels are floors. Ridge regression on the head's site is the linear ceiling.",
       {"baselines", "floor", "ceiling", "control", "controls", "ridge", "shuffled labels"},
       {"r2-identity"},
       "docs/methods/baselines.md"},
      {"check",
       "check",
       TermKind::practice,
       "An identity that the numbers' definitions imply, measured on the texts of the run.",
       "Where one does not hold, the run fails and its numbers are not to be used. checks.json has "
       "each with "
       "its measured error and its bound.",
       {"checks", "identity", "identities"},
       {"ladder"},
       "docs/methods/identities.md"},
  };
  return kTerms;
}

std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

}  // namespace

std::string_view term_kind_title(TermKind kind) {
  switch (kind) {
    case TermKind::idea:
      return "What is measured";
    case TermKind::direction:
      return "The directions";
    case TermKind::statistic:
      return "The numbers";
    case TermKind::practice:
      return "What makes numbers trustworthy";
  }
  throw InternalError("term_kind_title: no such kind");
}

std::span<const Term> glossary() { return terms(); }

const Term* find_term(std::string_view name) {
  const std::string wanted = folded(name);
  if (wanted.empty()) return nullptr;
  for (const Term& term : terms()) {
    if (folded(term.id) == wanted || folded(term.name) == wanted) return &term;
  }
  for (const Term& term : terms()) {
    const auto is_wanted = [&](std::string_view alias) { return folded(alias) == wanted; };
    if (std::ranges::any_of(term.aliases, is_wanted)) return &term;
  }
  return nullptr;
}

}  // namespace gnomon
