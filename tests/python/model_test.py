# SPDX-License-Identifier: Apache-2.0
"""A model, its sites, tokenizer and weights."""

import json
import unittest

import numpy as np

import gnomon
from case import NEURON, TEXTS, ModelCase


class ModelTest(ModelCase):
    def test_sizes_are_those_of_the_command(self):
        shown = json.loads(self.run_command("model", "show", "gnomon-books", "--json"))
        config = self.model.config
        for size in ("n_layers", "d_model", "n_heads", "d_mlp", "d_vocab", "n_ctx"):
            self.assertEqual(getattr(config, size), shown["sizes"][size], size)
        self.assertEqual(self.model.source.n_parameters, shown["n_parameters"])
        self.assertIn("d_model=", repr(config))
        self.assertIn("gnomon-books", repr(self.model))

    def test_hook_names_are_those_of_the_command(self):
        names = gnomon.hook_names(self.model.config)
        shown = json.loads(self.run_command("explain", "sites", "--model", "gnomon-books", "--json"))
        for site in shown["sites"]:
            if site["families"].get("gpt2", {}).get("equation"):
                self.assertIn(site["site"].replace("{l}", "0"), names)
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(gnomon.site_width("blocks.2.mlp.hook_post", self.model.config), self.model.config.d_mlp)
        self.assertIn("d_model", gnomon.axes_text("blocks.2.hook_resid_post", self.model.config))
        self.assertIn("W_out", gnomon.site_equation("blocks.2.hook_mlp_out", self.model.config))

    def test_targets(self):
        target = gnomon.make_target(NEURON, self.model.config)
        self.assertEqual((target.kind, target.layer, target.index, target.is_neuron), ("neuron_post", 2, 7, True))
        with self.assertRaises(gnomon.ArgumentError) as caught:
            gnomon.make_target("blocks.2.attn.hook_q[0]", self.model.config)
        self.assertEqual(caught.exception.code, "E013")

    def test_tokens(self):
        tokenizer = self.model.tokenizer
        for text in [*TEXTS, "naïve café 👋", ""]:
            ids = tokenizer.encode(text)
            self.assertEqual(tokenizer.decode(ids), text)
            self.assertEqual(tokenizer.decode_bytes(np.array(ids, dtype=np.int64)), text.encode())
        encoding = tokenizer.encode_with_offsets("a b")
        self.assertEqual([(span.first, span.last) for span in encoding.spans][-1][1], 3)
        self.assertEqual(tokenizer.find(tokenizer.piece(100)), 100)
        self.assertIsNone(tokenizer.find("no such piece at all"))
        with self.assertRaises(UnicodeDecodeError):
            half = tokenizer.encode("👋")[:1]
            tokenizer.decode(half)
        self.assertEqual(tokenizer.decode(tokenizer.encode("👋")[:1], errors="replace"), "\ufffd")
        with self.assertRaises(UnicodeEncodeError):
            tokenizer.encode("\ud800")

    def test_weights_reproduce_the_block(self):
        # A test of the arrays' axes: the MLP of block 2 from its input.
        config = self.model.config
        sites = ["blocks.2.ln2.hook_out@all", "blocks.2.mlp.hook_post@all", "blocks.2.hook_mlp_out@all"]
        x, post, out = (a.values for a in gnomon.capture(self.model, TEXTS, sites, precision="float64").activations)
        weights = self.model.weights("float64")
        weight, bias = weights.block(2).down_proj
        self.assertEqual(weight.shape, (config.d_mlp, config.d_model))
        # Sums of d_mlp products in double.
        np.testing.assert_allclose(post @ weight + (0 if bias is None else bias), out, atol=1e-10)
        neuron = gnomon.neuron_weights(self.model, 2, 7)
        np.testing.assert_allclose(neuron.write, weight[7], rtol=1e-6)
        self.assertEqual(neuron.read.shape, (config.d_model,))
        self.assertEqual(weights.wte.shape, (config.d_vocab, config.d_model))
        self.assertEqual(weights.unembed.shape, (config.d_model, config.d_vocab))
        with self.assertRaises(gnomon.ArgumentError):
            weights.block(config.n_layers)

    def test_weights_are_processed_on_a_copy(self):
        processed = gnomon.Model.load("gnomon-books", weights="transformerlens")
        steps = "fold_ln,center_writing_weights,center_unembed,fold_value_biases"
        self.assertEqual((self.model.source.weights, processed.source.weights), ("raw", steps))
        self.assertEqual(gnomon.Model.load("gnomon-books", weights="fold_ln").source.weights, "fold_ln")
        self.assertEqual(processed.tokenizer.encode(TEXTS[0]), self.model.tokenizer.encode(TEXTS[0]))
        sites = ["blocks.2.mlp.hook_post[7]@all", "blocks.2.hook_resid_post@all"]
        neuron, stream = (one.values for one in gnomon.capture(self.model, TEXTS, sites, precision="float64").activations)
        again, moved = (one.values for one in gnomon.capture(processed, TEXTS, sites, precision="float64").activations)
        np.testing.assert_allclose(again, neuron, rtol=0, atol=1e-9 * np.abs(neuron).max())
        centred = stream - stream.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(moved, centred, rtol=0, atol=1e-9 * np.abs(centred).max())
        with self.assertRaisesRegex(gnomon.ArgumentError, "fold_ln"):
            gnomon.Model.load("gnomon-books", weights="fold_lm")

    def test_directions_read_the_same_on_processed_weights(self):
        processed = gnomon.Model.load("gnomon-books", weights="transformerlens")
        random = np.random.default_rng(3)
        for site in ("blocks.1.ln2.hook_out", "blocks.2.hook_resid_post", "blocks.1.mlp.hook_post"):
            width = gnomon.site_width(site, self.model.config)
            probe, bias = random.normal(size=width), 0.3
            weight, moved_bias = gnomon.direction_to_raw(self.model, site, probe, bias)
            raw = gnomon.capture(self.model, TEXTS, [site + "@all"], precision="float64").activations[0].values
            other = gnomon.capture(processed, TEXTS, [site + "@all"], precision="float64").activations[0].values
            expected = other @ probe + bias
            np.testing.assert_allclose(raw @ weight + moved_bias, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
            again, again_bias = gnomon.direction_to_processed(self.model, site, weight, moved_bias)
            np.testing.assert_allclose(other @ again + again_bias, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
        with self.assertRaisesRegex(gnomon.ArgumentError, "reads the mean"):
            gnomon.direction_to_processed(self.model, "blocks.2.hook_resid_post", np.ones(self.model.config.d_model))
        with self.assertRaisesRegex(gnomon.ShapeError, "has 3 numbers"):
            gnomon.direction_to_raw(self.model, "blocks.2.hook_resid_post", [1, 2, 3])

    def test_weights_cannot_be_written(self):
        weight = self.model.weights().block(0).up_proj[0]
        self.assertFalse(weight.flags.writeable)
        with self.assertRaises(ValueError):
            weight[0, 0] = 1
        again = self.model.weights().block(0).up_proj[0]
        self.assertEqual(weight.__array_interface__["data"][0], again.__array_interface__["data"][0])


if __name__ == "__main__":
    unittest.main()
