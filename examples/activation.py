# SPDX-License-Identifier: Apache-2.0
"""The activation of one neuron on two texts, as examples/activation/activation.cpp has it."""

import sys

import gnomon

model = gnomon.Model.load(sys.argv[1] if len(sys.argv) > 1 else "gnomon-books")
texts = ["The sundial casts a shadow.", "Nobody was at home."]
site = f"blocks.{model.config.n_layers // 2}.mlp.hook_post[481]@last"
neuron = gnomon.capture(model, texts, site)[site]
for value, text in zip(neuron.values[:, 0], texts):
    print(f"{value:.6g}  {text}")
