// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace gnomon {

// p-values adjusted for being one of a family, in the order given. The `_log10` forms take and
// return log10 p, so that adjusting does not underflow where p would. Throw NumericError for a p
// outside [0, 1] or a log10 p above 0.

// Holm 1979 (Scandinavian Journal of Statistics 6): the k-th smallest of m times m - k + 1, made
// non-decreasing, at most 1. Rejecting where p_adjusted <= α keeps the chance of any false
// rejection at α or below, whatever the dependence.
std::vector<double> holm(std::span<const double> p);
std::vector<double> holm_log10(std::span<const double> log10_p);

// Benjamini and Hochberg 1995 (JRSS B 57): the k-th smallest of m times m / k, made non-decreasing
// from the largest down. Keeps the expected share of false rejections at α or below for independent
// or positively dependent tests.
std::vector<double> benjamini_hochberg(std::span<const double> p);
std::vector<double> benjamini_hochberg_log10(std::span<const double> log10_p);

}  // namespace gnomon
