// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "gnomon/model/config.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/report/detail/keyed_text.h"

namespace gnomon::detail {

// What a write-up is about.
struct WriteupSubject {
  ModelConfig config;
  std::string target;  // with its position
  SiteAt at;
  std::string model;
  std::vector<std::string> directions;  // that are defined for the target, in reading order
  bool trained = false;                 // a reporter was trained

  bool is_neuron() const {
    return at.site.kind == HookKind::mlp_post || at.site.kind == HookKind::mlp_pre ||
           at.site.kind == HookKind::mlp_pre_linear;
  }
};

// The sections, in their order. docs/formats/writeup.md has the outline with its word budget.
void add_question(KeyedText& text, const WriteupSubject& subject);
void add_directions(KeyedText& text, const WriteupSubject& subject);
void add_findings(KeyedText& text, const WriteupSubject& subject);
void add_ladder(KeyedText& text);
void add_cause(KeyedText& text, const WriteupSubject& subject);
void add_limits(KeyedText& text, const WriteupSubject& subject);
// In place of the last four where checks failed.
void add_failure(KeyedText& text, const std::vector<std::string>& failed);

}  // namespace gnomon::detail
