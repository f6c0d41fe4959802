// SPDX-License-Identifier: Apache-2.0
// in: a scan of neurons   out: what a terminal shows of it, at 80 columns
#pragma once

#include <span>
#include <string>

#include "gnomon/analyses/encoded_texts.h"
#include "gnomon/analyses/neuron_ranking.h"
#include "gnomon/analyses/neuron_scan.h"
#include "gnomon/report/text_table.h"
#include "gnomon/tokens/tokenizer.h"

namespace gnomon {

// The neurons of `shown` (indices into scan.neurons) with their statistics, and the text in which
// each is largest, with the token in brackets.
std::string scan_text(const NeuronScan& scan, const NeuronRanking& ranking,
                      std::span<const Index> shown, const EncodedTexts& texts,
                      const Tokenizer& tokenizer, const TextStyle& style);

}  // namespace gnomon
