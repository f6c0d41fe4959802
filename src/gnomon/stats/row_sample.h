// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// min(n, size) different rows of 0 to n - 1, ascending; every choice is equally likely. Knuth, The
// Art of Computer Programming 2, section 3.4.2, algorithm S. Draws once for each of n rows.
std::vector<Index> sample_rows(Index n, Index size, Random& random);

// `rows`, or `size` of them, ascending, where there are more; every choice is equally likely. Draws
// once for each of `rows`, and nothing where all are kept.
std::vector<Index> at_most(std::vector<Index> rows, Index size, Random random);

}  // namespace gnomon
