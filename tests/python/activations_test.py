# SPDX-License-Identifier: Apache-2.0
"""Activations in Python are the command's numbers, in the library's memory."""

import concurrent.futures
import contextlib
import gc
import io
import threading
import unittest

import numpy as np

import gnomon
from case import NEURON, TEXTS, ModelCase

SITES = ["blocks.0.hook_resid_pre@all", "blocks.2.mlp.hook_post@last", NEURON, "blocks.1.attn.hook_z@0"]


class ActivationsTest(ModelCase):
    def test_values_are_those_of_the_command(self):
        folder = self.folder()
        (folder / "texts.txt").write_text("".join(text + "\n" for text in TEXTS))
        self.run_command(
            *(
                "activations",
                "--model",
                "gnomon-books",
                "--texts",
                folder / "texts.txt",
                "--out",
                folder / "a.safetensors",
            ),
            *(word for site in SITES for word in ("--site", site)),
        )
        stored = gnomon.SafetensorsFile(folder / "a.safetensors")
        captured = gnomon.capture(self.model, TEXTS, SITES)
        self.assertEqual(list(captured), SITES)
        for site in SITES:
            with self.subTest(site=site):
                np.testing.assert_array_equal(captured[site].values, stored[site])
                np.testing.assert_array_equal(captured[site].text, stored[site + "/text"])
                np.testing.assert_array_equal(captured[site].position, stored[site + "/position"])

    def test_precision_and_backend(self):
        single = gnomon.capture(self.model, TEXTS, NEURON)[NEURON].values
        double = gnomon.capture(self.model, TEXTS, NEURON, precision="float64")[NEURON].values
        self.assertEqual((single.dtype, double.dtype), (np.float32, np.float64))
        # A chain of some thousand float32 products and sums of numbers about 1.
        np.testing.assert_allclose(single, double, atol=1e-4)
        reference = gnomon.capture(self.model, TEXTS, NEURON, backend="reference")[NEURON].values
        np.testing.assert_allclose(reference, double, atol=1e-4)
        with self.assertRaisesRegex(gnomon.ArgumentError, "expected one of float32, float64"):
            gnomon.capture(self.model, TEXTS, NEURON, precision="half")

    def test_a_batch_changes_no_bit(self):
        one = gnomon.capture(self.model, TEXTS, NEURON)[NEURON].values
        other = gnomon.capture(self.model, TEXTS, NEURON, batch_tokens=1)[NEURON].values
        np.testing.assert_array_equal(one, other)

    def test_token_ids_and_bytes_are_texts_too(self):
        ids = [self.model.tokenizer.encode(text) for text in TEXTS]
        expected = gnomon.capture(self.model, TEXTS, NEURON)[NEURON].values
        for texts in (ids, [np.array(i) for i in ids], [text.encode() for text in TEXTS]):
            np.testing.assert_array_equal(gnomon.capture(self.model, texts, NEURON)[NEURON].values, expected)

    def test_sites_by_object_alias_and_name(self):
        site = gnomon.parse_site(NEURON, self.model.config)
        captured = gnomon.capture(self.model, TEXTS, [site])
        self.assertEqual(str(site), NEURON)
        self.assertEqual(
            (site.hook, site.layer, site.coordinate, site.position), ("blocks.2.mlp.hook_post", 2, 7, "@last")
        )
        self.assertIs(type(captured[site]), gnomon.Activations)
        self.assertEqual(captured[NEURON].name, captured[site].name)
        with self.assertRaises(KeyError):
            captured["blocks.1.mlp.hook_post[7]@last"]
        self.assertEqual(site, gnomon.parse_site(NEURON, self.model.config))
        self.assertEqual(len({site, gnomon.parse_site(NEURON, self.model.config)}), 1)

    def test_attention_is_a_matrix_for_each_text(self):
        pattern = gnomon.capture(self.model, TEXTS, "blocks.1.attn.hook_pattern@all").activations[0]
        self.assertEqual(len(pattern.by_text), len(TEXTS))
        for text, weights in zip(TEXTS, pattern.by_text):
            n = len(self.model.tokenizer.encode(text))
            self.assertEqual(weights.shape, (self.model.config.n_heads, n, n))
            # Sums of at most 16 float32 numbers below 1.
            np.testing.assert_allclose(weights.sum(-1), 1, atol=16 * np.finfo(np.float32).eps)

    def test_moments_are_those_of_the_values(self):
        sites = ["blocks.3.hook_resid_post@all", "blocks.1.attn.hook_z@-1", NEURON]
        run = gnomon.capture(self.model, TEXTS, sites, precision="float64")
        found = gnomon.capture_moments(self.model, TEXTS, sites, precision="float64", batch_tokens=8)
        self.assertEqual([one.name for one in found], sites)
        for one in found:
            values = run[one.name].values
            self.assertEqual(one.n, len(values))
            scale = np.abs(values).max()
            np.testing.assert_allclose(one.mean, values.mean(0), atol=1e-13 * scale)
            np.testing.assert_allclose(one.sd, values.std(0, ddof=1), atol=1e-13 * scale)
            np.testing.assert_array_equal(one.min, values.min(0))
            np.testing.assert_array_equal(one.max, values.max(0))
            np.testing.assert_array_equal(one.share_positive, (values > 0).mean(0))
        halves = [gnomon.capture_moments(self.model, part, sites[0])[0] for part in (TEXTS[:2], TEXTS[2:])]
        both = halves[0].merged(halves[1])
        self.assertEqual(both.n, found[0].n)
        np.testing.assert_allclose(both.mean, found[0].mean, atol=1e-4)
        with self.assertRaisesRegex(gnomon.ArgumentError, "expected one site"):
            both.merged(found[1])
        with self.assertRaisesRegex(gnomon.ArgumentError, "as wide as its text"):
            gnomon.capture_moments(self.model, TEXTS, "blocks.0.attn.hook_pattern@all")

    def test_arrays_share_memory(self):
        activations = gnomon.capture(self.model, TEXTS, "blocks.2.hook_resid_post@last").activations[0]
        address = activations.values.__array_interface__["data"][0]
        for array in (
            activations.values,
            np.asarray(activations),
            np.from_dlpack(activations),
            np.from_dlpack(activations.values),
        ):
            self.assertEqual(array.__array_interface__["data"][0], address)
        activations.values[0, 0] = 5
        self.assertEqual(np.asarray(activations)[0, 0], 5)
        self.assertNotEqual(np.array(activations, copy=True).__array_interface__["data"][0], address)
        self.assertEqual(np.asarray(activations, dtype=np.float64).dtype, np.float64)
        self.assertFalse(activations.text.flags.writeable)

    def test_arrays_outlive_everything(self):
        model = gnomon.Model.load("gnomon-books")
        result = gnomon.capture(model, TEXTS, NEURON)
        expected = result[NEURON].values.copy()
        values, text = result[NEURON].values, result[NEURON].text
        weights = model.weights().block(2).down_proj[0]
        row = weights[7].copy()
        del result, model
        gc.collect()
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(text, [0, 1, 2])
        np.testing.assert_array_equal(weights[7], row)

    def test_the_lock_is_released(self):
        # Another thread counts while the main one is inside one call into the library.
        n_tick = 0
        stop = threading.Event()

        def count():
            nonlocal n_tick
            while not stop.wait(0.001):
                n_tick += 1

        thread = threading.Thread(target=count)
        thread.start()
        try:
            before = n_tick
            gnomon.capture(self.model, TEXTS * 400, "blocks.3.hook_resid_post@all")
            during = n_tick - before
        finally:
            stop.set()
            thread.join()
        self.assertGreater(during, 5)

    def test_progress(self):
        seen = []
        n_token = sum(len(self.model.tokenizer.encode(text)) for text in TEXTS)
        gnomon.capture(
            self.model, TEXTS, NEURON, batch_tokens=4, progress=lambda done, total: seen.append((done, total))
        )
        self.assertEqual(seen[-1], (n_token, n_token))
        self.assertEqual([total for _, total in seen], [n_token] * len(seen))
        with self.assertRaises(TypeError):
            gnomon.capture(self.model, TEXTS, NEURON, progress=3)

    def test_a_progress_line_goes_where_python_writes(self):
        shown = io.StringIO()
        with contextlib.redirect_stderr(shown):
            gnomon.capture(self.model, TEXTS, NEURON, progress=True)
        self.assertRegex(shown.getvalue(), r"^Run +done in 0:0\d  \d+/\d+ tokens\n$")

    def test_several_threads_at_once(self):
        expected = gnomon.capture(self.model, TEXTS, NEURON)[NEURON].values
        edit = gnomon.Edit.call("blocks.0.hook_mlp_out@all", lambda values, rows: values + 0, may_change_nothing=True)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            runs = [pool.submit(gnomon.capture, self.model, TEXTS, NEURON, [edit]) for _ in range(16)]
        for run in runs:
            np.testing.assert_array_equal(run.result()[NEURON].values, expected)

    def test_the_number_of_threads_changes_no_bit(self):
        before = gnomon.threads()
        self.addCleanup(gnomon.set_threads, before)
        expected = gnomon.capture(self.model, TEXTS, NEURON)[NEURON].values
        gnomon.set_threads(1)
        self.assertEqual(gnomon.threads(), 1)
        np.testing.assert_array_equal(gnomon.capture(self.model, TEXTS, NEURON)[NEURON].values, expected)

    def test_what_progress_raises_ends_the_call(self):
        class Enough(Exception):
            pass

        def progress(done, total):
            raise Enough(f"{done} of {total}")

        with self.assertRaises(Enough):
            gnomon.capture(self.model, TEXTS, NEURON, progress=progress)


class GradientsTest(ModelCase):
    def test_a_gradient_is_the_slope(self):
        site, of = "blocks.1.hook_resid_post[3]@last", NEURON
        slope = gnomon.capture_gradients(self.model, TEXTS, site, of, precision="float64")[site].values[:, 0]
        step = 1e-4

        def moved(by):
            edit = gnomon.Edit.add(site, by)
            return gnomon.capture(self.model, TEXTS, of, [edit], precision="float64")[of].values[:, 0]

        # Central differences: an error of step² times third derivatives, below 1e-6 here.
        np.testing.assert_allclose(slope, (moved(step) - moved(-step)) / (2 * step), atol=1e-6)

    def test_gradients_of_the_loss(self):
        texts = TEXTS[:2]
        site = "blocks.0.hook_resid_pre@all"
        gradients = gnomon.capture_gradients(self.model, texts, site).activations[0]
        self.assertEqual(gradients.name, "blocks.0.hook_resid_pre_grad@all")
        self.assertTrue(gradients.gradient)
        self.assertGreater(np.abs(gradients.values).max(), 0)
        self.assertEqual(gnomon.language_model_loss(self.model, texts).n_token, gradients.n_row - 2)


if __name__ == "__main__":
    unittest.main()
