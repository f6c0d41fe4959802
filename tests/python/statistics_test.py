# SPDX-License-Identifier: Apache-2.0
"""Statistics in Python: the library's numbers, against NumPy where it has the same."""

import unittest

import numpy as np

import gnomon


class StatisticsTest(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(3)
        self.x = random.normal(size=60)
        self.y = 0.5 * self.x + random.normal(size=60)
        self.groups = np.arange(60) // 2

    def test_pearson(self):
        result = gnomon.pearson(self.x, self.y)
        # Both have an error of a few eps.
        self.assertAlmostEqual(result.r, np.corrcoef(self.x, self.y)[0, 1], delta=1e-14)
        self.assertEqual(result.n, 60)
        undefined = gnomon.pearson([1, 1, 1], [1, 2, 3])
        self.assertIsNone(undefined.r)
        self.assertTrue(undefined.why_undefined)
        self.assertIn("n=60", repr(result))

    def test_anything_like_an_array(self):
        expected = gnomon.pearson(self.x, self.y).r
        for x in (list(self.x), tuple(self.x), self.x[::-1][::-1], np.asfortranarray(self.x)):
            self.assertEqual(gnomon.pearson(x, self.y).r, expected)
        self.assertEqual(gnomon.spearman([1, 2, 3], np.array([1, 2, 3], dtype=np.int8)).r, 1)
        read_only = self.x.copy()
        read_only.flags.writeable = False
        self.assertEqual(gnomon.pearson(read_only, self.y).r, expected)
        for wrong in ("text", [1, "a"], [[1.0, 2.0]], None, np.array([1j])):
            with self.subTest(x=wrong), self.assertRaises((TypeError, ValueError)):
                gnomon.pearson(wrong, [1, 2])
        with self.assertRaises(TypeError):
            gnomon.cluster_bootstrap([0.5, 1.5], lambda rows: 1.0)

    def test_bootstrap(self):
        fast = gnomon.bootstrap_correlations([self.x], self.y, self.groups, n_bootstrap=300, seed=4)[0]
        slow = gnomon.cluster_bootstrap(
            self.groups, lambda rows: gnomon.pearson(self.x[rows], self.y[rows]).r, n_bootstrap=300, seed=4
        )
        self.assertEqual(fast.n_group, 30)
        self.assertAlmostEqual(fast.estimate, gnomon.pearson(self.x, self.y).r, delta=1e-14)
        # The same resamples; sums in another order.
        self.assertAlmostEqual(fast.interval.ci_low, slow.interval.ci_low, delta=1e-12)
        self.assertAlmostEqual(fast.interval.ci_high, slow.interval.ci_high, delta=1e-12)
        with self.assertRaisesRegex(ZeroDivisionError, "mine"):

            def fail(rows):
                raise ZeroDivisionError("mine")

            gnomon.cluster_bootstrap(self.groups, fail)
        self.assertEqual(gnomon.cluster_bootstrap(self.groups, lambda rows: None, n_bootstrap=10).n_bootstrap, 10)

    def test_tests(self):
        self.assertLess(gnomon.permutation_test(self.x, self.y, self.groups, n_permutation=500).p_value, 0.05)
        self.assertEqual(gnomon.permutation_p_value([0.1, 0.2, 0.3], 0.25), 2 / 4)
        test = gnomon.correlation_test(0.9999, 100000)
        self.assertGreater(test.p_value, 0)
        self.assertTrue(test.p_value_is_bound)
        self.assertLess(test.log10_p, -1000)
        np.testing.assert_allclose(gnomon.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
        np.testing.assert_allclose(gnomon.benjamini_hochberg([0.01, 0.04, 0.03]), [0.03, 0.04, 0.04])

    def test_regression(self):
        line = gnomon.ols(self.x, self.y)
        slope, intercept = np.polyfit(self.x, self.y, 1)
        self.assertAlmostEqual(line.slope, slope, delta=1e-12)
        self.assertAlmostEqual(line.intercept, intercept, delta=1e-12)
        features = np.random.default_rng(5).normal(size=(60, 4))
        fit = gnomon.fit_ridge(features, self.y, 0.0)
        design = np.column_stack([features, np.ones(60)])
        expected = np.linalg.lstsq(design, self.y, rcond=None)[0]
        # Condition number below 10.
        np.testing.assert_allclose(np.append(fit.weight, fit.bias), expected, atol=1e-12)
        np.testing.assert_allclose(fit.predict(features), design @ expected, atol=1e-12)
        chosen = gnomon.fit_ridge_cross_validated(features, self.y, self.groups)
        self.assertEqual(len(chosen.lambdas), 25)
        self.assertEqual(chosen.held_out_prediction.shape, (60,))
        weight = chosen.fit.weight
        del chosen
        self.assertEqual(weight.shape, (4,))
        self.assertFalse(weight.flags.writeable)

    def test_split(self):
        split = gnomon.split_by_group(self.groups, seed=1)
        rows = [split.rows(part) for part in ("train", "val", "test")]
        self.assertEqual(sorted(np.concatenate(rows)), list(range(60)))
        groups = [set(self.groups[r]) for r in rows]
        self.assertFalse(groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])

    def test_scores_and_distances(self):
        score = gnomon.score_reports(self.x, self.x, self.groups, n_bootstrap=100)
        self.assertEqual(score.r2_identity, 1)
        self.assertAlmostEqual(score.slope, 1, delta=1e-12)
        self.assertEqual(gnomon.wasserstein1([0, 0], [1, 1]), 1)
        self.assertEqual(gnomon.kolmogorov_smirnov([0, 1], [2, 3]), 1)


if __name__ == "__main__":
    unittest.main()
