// SPDX-License-Identifier: Apache-2.0
// in: a scan of neurons   out: its numbers as JSON and CSV, docs/methods/scan.md
#pragma once

#include <span>
#include <vector>

#include "gnomon/analyses/encoded_texts.h"
#include "gnomon/analyses/neuron_ranking.h"
#include "gnomon/analyses/neuron_scan.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"

namespace gnomon {

// "blocks.8.mlp.hook_post[481]", as --target takes it.
std::string neuron_name(const NeuronStatistics& neuron);

// What was scanned, how, how it was ranked, and the neurons of `shown` (indices into scan.neurons)
// in that order. A number that is not defined is null, with a reason under `why`.
Json scan_json(const NeuronScan& scan, const NeuronRanking& ranking, std::span<const Index> shown,
               const EncodedTexts& texts);

// One row a neuron, in the order of `shown`, with its place in the ranking from 1. A number that is
// not defined is an empty field.
CsvTable scan_csv(const NeuronScan& scan, std::span<const Index> shown, const EncodedTexts& texts);

}  // namespace gnomon
