// SPDX-License-Identifier: Apache-2.0
// in: a model, the texts of a study, a site   out: that site's numbers, row by row of the study
#pragma once

#include "gnomon/activations/capture.h"
#include "gnomon/analyses/study.h"

namespace gnomon {

// The site for every row of `data`, [n_row, width], in the study's precision. `at` names all rows
// of the study (their own position) or one position of each text, which then stands on every row of
// that text: a head that reads @last may report what happens @all.
//
// blocks.0.hook_resid_pre is the embedding layer: what the model knows of a token before any block.
// Throws ArgumentError (wrong_site) where a row of the study has no row of the site, and as capture
// does.
Tensor<double> feature_rows(const Model& model, const StudyTexts& texts, const StudyData& data,
                            const SiteAt& at, const RunOptions& options);

}  // namespace gnomon
