# SPDX-License-Identifier: Apache-2.0
"""Edits by values and by Python functions."""

import gc
import unittest
import weakref

import numpy as np

import gnomon
from case import NEURON, TEXTS, ModelCase

STREAM = "blocks.1.hook_resid_mid@all"
AFTER = "blocks.3.hook_resid_post@last"


class EditsTest(ModelCase):
    def after(self, *edits, **options):
        return gnomon.capture(self.model, TEXTS, AFTER, list(edits), **options)

    def test_a_function_does_what_the_modes_do(self):
        pairs = [
            (gnomon.Edit.scale(STREAM, 0.5), lambda values, rows: values * np.float32(0.5)),
            (gnomon.Edit.add(NEURON, 2), lambda values, rows: values + 2),
            (gnomon.Edit.zero("blocks.1.attn.hook_z@last"), lambda values, rows: np.zeros_like(values)),
            (gnomon.Edit.set("blocks.1.attn.hook_pattern@all", 0.25), lambda values, rows: np.full_like(values, 0.25)),
        ]
        for edit, function in pairs:
            with self.subTest(edit=edit):
                expected = self.after(edit)
                found = self.after(gnomon.Edit.call(edit.at, function))
                np.testing.assert_array_equal(found[AFTER].values, expected[AFTER].values)
                self.assertEqual(found.effects[0].n_row, expected.effects[0].n_row)
                self.assertEqual(found.effects[0].n_changed, expected.effects[0].n_changed)

    def test_a_function_may_change_in_place(self):
        def double(values, rows):
            values *= 2

        expected = self.after(gnomon.Edit.scale(STREAM, 2))[AFTER].values
        np.testing.assert_array_equal(self.after(gnomon.Edit.call(STREAM, double))[AFTER].values, expected)

    def test_what_a_function_is_told(self):
        calls = []

        def look(values, rows):
            calls.append((rows.name, values.shape, rows.text.tolist(), rows.position.tolist(), rows.n_head))

        d_model, n_heads = self.model.config.d_model, self.model.config.n_heads
        n = [len(self.model.tokenizer.encode(text)) for text in TEXTS]
        edits = [
            gnomon.Edit.call("blocks.1.hook_resid_mid@last", look, may_change_nothing=True),
            gnomon.Edit.call("blocks.2.attn.hook_pattern@last", look, may_change_nothing=True),
        ]
        self.after(*edits)
        last = [length - 1 for length in n]
        self.assertEqual(calls[0], ("blocks.1.hook_resid_mid@last", (3, d_model), [0, 1, 2], last, 1))
        for t, length in enumerate(n):
            self.assertEqual(
                calls[1 + t], ("blocks.2.attn.hook_pattern@last", (n_heads, 1, length), [t], [length - 1], n_heads)
            )

    def test_an_array_may_be_kept(self):
        kept = []

        def keep(values, rows):
            kept.append((values, rows))

        self.after(gnomon.Edit.call(STREAM, keep, may_change_nothing=True))
        gc.collect()
        stream = gnomon.capture(self.model, TEXTS, STREAM)[STREAM]
        np.testing.assert_array_equal(kept[0][0], stream.values)
        np.testing.assert_array_equal(kept[0][1].position, stream.position)

    def test_an_edit_in_a_cycle_is_collected(self):
        class Marker:
            pass

        marker = Marker()
        gone = weakref.ref(marker)

        def function(values, rows, held=[marker]):
            return held

        held = function.__defaults__[0]
        held.append(gnomon.Edit.call(STREAM, function))
        del marker, function, held
        gc.collect()
        self.assertIsNone(gone())

    def test_what_a_function_raises_the_run_raises(self):
        class Mine(Exception):
            pass

        def fail(values, rows):
            raise Mine("here")

        with self.assertRaisesRegex(Mine, "here"):
            self.after(gnomon.Edit.call(STREAM, fail))
        with self.assertRaisesRegex(gnomon.ShapeError, "returned shape"):
            self.after(gnomon.Edit.call(STREAM, lambda values, rows: values[:1]))
        with self.assertRaisesRegex(gnomon.ArgumentError, "no array"):
            self.after(gnomon.Edit.call(STREAM, lambda values, rows: "text"))
        with self.assertRaises(gnomon.NumericError):
            self.after(gnomon.Edit.call(STREAM, lambda values, rows: values * np.nan))
        with self.assertRaises(gnomon.ArgumentError):
            self.after(gnomon.Edit.call(STREAM, 3))

    def test_an_edit_that_changes_nothing(self):
        for edit in (gnomon.Edit.scale, lambda at, one, **o: gnomon.Edit.call(at, lambda values, rows: None, **o)):
            with self.assertRaisesRegex(gnomon.CheckError, "changed nothing"):
                self.after(edit(STREAM, 1))
            clean = gnomon.capture(self.model, TEXTS, AFTER)[AFTER].values
            np.testing.assert_array_equal(self.after(edit(STREAM, 1, may_change_nothing=True))[AFTER].values, clean)

    def test_replace_puts_a_stored_run_back(self):
        stored = gnomon.capture(self.model, TEXTS, STREAM)[STREAM]
        clean = gnomon.capture(self.model, TEXTS, AFTER)[AFTER].values
        spoil = gnomon.Edit.zero("blocks.0.hook_mlp_out@all")
        repaired = self.after(spoil, gnomon.Edit.replace(STREAM, stored))[AFTER].values
        np.testing.assert_array_equal(repaired, clean)
        with self.assertRaisesRegex(gnomon.ArgumentError, "another precision"):
            self.after(gnomon.Edit.replace(STREAM, stored), precision="float64")

    def test_values_that_do_not_fit(self):
        with self.assertRaises(gnomon.ShapeError):
            self.after(gnomon.Edit.set(STREAM, [1, 2, 3]))
        with self.assertRaises(gnomon.ArgumentError):
            self.after(gnomon.Edit.set(STREAM, float("nan")))
        with self.assertRaises(gnomon.ArgumentError):
            gnomon.Edit.set(STREAM, "much")

    def test_a_patch_is_a_run_with_that_edit(self):
        last = len(self.model.tokenizer.encode(TEXTS[0])) - 1
        patch = gnomon.Patch(0, "blocks.1.hook_resid_post[3]", last, last, 4.0)
        result = gnomon.run_patches(self.model, TEXTS, [patch], "blocks.3.hook_resid_post")
        edited = gnomon.capture(
            self.model, TEXTS[:1], AFTER, [gnomon.Edit.set("blocks.1.hook_resid_post[3]@last", 4.0)]
        )
        np.testing.assert_array_equal(result.values, edited[AFTER].values)
        np.testing.assert_array_equal(result.clean, gnomon.capture(self.model, TEXTS[:1], AFTER)[AFTER].values)
        self.assertEqual(result.effects[0].new_value, 4.0)
        self.assertTrue(result.effects[0].reaches)

    def test_a_patched_copy_of_the_stream_gives_the_bits_of_a_whole_run(self):
        text = TEXTS[:1]
        last = len(self.model.tokenizer.encode(text[0])) - 1
        random = np.random.default_rng(0)
        for name in ("hook_attn_in", "hook_q_input", "hook_k_input", "hook_v_input", "hook_mlp_in"):
            site = f"blocks.1.{name}"
            width = gnomon.capture(self.model, text, f"{site}@last")[f"{site}@last"].values.shape[1]
            for position in (1, last):  # the first token has nothing else to look at
                with self.subTest(site=site, position=position):
                    row = random.normal(size=width).astype(np.float32)
                    patch = gnomon.Patch(0, site, position, last, row)
                    found = gnomon.run_patches(self.model, text, [patch], "blocks.3.hook_resid_post").values
                    edit = gnomon.Edit.call(f"{site}@{position}", lambda values, rows, row=row: row[None])
                    whole = gnomon.capture(self.model, text, AFTER, [edit])[AFTER].values
                    np.testing.assert_array_equal(found[0], whole[0])
                    clean = gnomon.capture(self.model, text, AFTER)[AFTER].values
                    self.assertFalse(np.array_equal(whole, clean))


if __name__ == "__main__":
    unittest.main()
