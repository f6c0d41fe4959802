#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the golden gradients of tests/golden/gradients from the tiny models of tests/golden/models.

Run by hand, never by the build:

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r tools/golden_requirements.txt
    /tmp/golden/bin/python tools/make_gradient_golden.py            # or some of the models by name

Loss: cross-entropy of the next token in nats, the sum over every predicted token of the model's
prompts divided by their number; each prompt runs on its own, without padding. All in float64.
Gradients of parameters and ten AdamW steps are PyTorch's on Hugging Face's modules, gradients of
sites PyTorch's on TransformerLens's HookedTransformer. The tool fails unless every site's gradient
also comes out of Hugging Face's modules and every parameter's agrees with a finite difference.
tests/golden/README.md describes what is stored.
"""

import argparse
import contextlib
import json
import math
import shutil

import torch
from make_golden import (
    FLOAT64_AGREEMENT,
    MODELS,
    TINY,
    Taps,
    blocks_of,
    double_islands,
    head_width,
    hooked_transformer,
    kind_of,
    max_abs,
    modeling,
    n_layers_of,
    recorded_attention,
    relative_difference,
    split_qkv,
    tap,
    versions,
    write_activations,
    write_json,
)
from safetensors import safe_open

GRADIENTS = MODELS.parent / "gradients"
# Those whose gradients are stored as they are, with their parameters after the AdamW steps; the
# others' are rounded to float32.
IN_FULL = ("gpt2-tiny", "llama-tiny")
SITES = (
    "hook_resid_pre",
    "ln1.hook_normalized",
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
    "attn.hook_rot_q",
    "attn.hook_rot_k",
    "attn.hook_attn_scores",
    "attn.hook_pattern",
    "attn.hook_z",
    "hook_attn_out",
    "hook_resid_mid",
    "ln2.hook_normalized",
    "mlp.hook_pre",
    "mlp.hook_pre_linear",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
    "ln_final.hook_normalized",
)
N_STEPS = 10
ADAMW = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}
WEIGHT_DECAY = 0.01  # of parameters with two dimensions or more
# Central difference of fourth order along a direction of length 1 (Abramowitz and Stegun 25.3.6):
# the error is DIFFERENCE_STEP⁴ f⁽⁵⁾ / 30 from the formula and about 2⁻⁵³ loss / DIFFERENCE_STEP,
# 1e-12, from rounding; the slopes are of order 0.1.
DIFFERENCE_STEP = 3e-4
DIFFERENCE_BOUND = 1e-9


def summed_loss(logits, ids):
    """Cross-entropy of ids[1:] summed over positions; logits [pos, d_vocab]."""
    targets = torch.tensor(ids[1:], dtype=torch.int64)
    return torch.nn.functional.cross_entropy(logits[:-1], targets, reduction="sum")


def n_predicted(prompts):
    return sum(len(ids) - 1 for ids in prompts.values())


def mean_loss(model, prompts):
    sums = [
        summed_loss(model(torch.tensor([ids]), use_cache=False).logits[0], ids)
        for ids in prompts.values()
    ]
    return sum(sums) / n_predicted(prompts)


def lens_site_gradients(hooked, prompts):
    """Loss, and {prompt/site: gradient}, from HookedTransformer.

    HookedTransformer runs ln1 three times, for q, k and v: the gradient of a site is the sum over
    the tensors that pass it.
    """
    names, tensors, sums = [], [], []
    for prompt, ids in prompts.items():

        def keep(x, hook, prompt=prompt):
            names.append(f"{prompt}/{hook.name}")
            tensors.append(x)

        hooks = [(lambda name: kind_of(name) in SITES, keep)]
        logits = hooked.run_with_hooks(
            torch.tensor([ids]), prepend_bos=False, return_type="logits", fwd_hooks=hooks
        )
        sums.append(summed_loss(logits[0], ids))
    loss = sum(sums) / n_predicted(prompts)
    gradients = {}
    for name, gradient in zip(names, torch.autograd.grad(loss, tensors), strict=True):
        gradients[name] = gradients.get(name, 0) + gradient[0]
    return loss.item(), gradients


class GradientTaps(Taps):
    """Keeps the very tensors that modules take and give, which the loss is differentiated by."""

    def output(self, module, name):
        def store(_module, _args, out):
            self.values[name] = out[0] if isinstance(out, tuple) else out

        self.handles.append(module.register_forward_hook(store))

    def input(self, module, name):
        def store(_module, args, kwargs):
            self.values[name] = args[0] if args else kwargs["hidden_states"]

        self.handles.append(module.register_forward_pre_hook(store, with_kwargs=True))


def final_norm(model):
    if model.config.model_type == "gpt2":
        return model.transformer.ln_f
    if model.config.model_type == "gpt_neox":
        return model.gpt_neox.final_layer_norm
    return model.model.norm


def hugging_face_site_gradients(model, prompts):
    """The same from Hugging Face's modules.

    Those have neither normalized streams nor scores: the chain rule leads to them from the norm's
    output, times its weight, and from the pattern, through the softmax.
    """
    tensors, patterns, sums = {}, {}, []
    for prompt, ids in prompts.items():
        taps = GradientTaps()
        tap(model, taps)

        def record(layer, query, key, _mask, _scaling, taps=taps):
            taps.values[f"blocks.{layer}.rot_q"] = query
            taps.values[f"blocks.{layer}.rot_k"] = key

        with recorded_attention(modeling(model.config), record):
            out = model(torch.tensor([ids]), output_attentions=True, use_cache=False)
        taps.remove()
        sums.append(summed_loss(out.logits[0], ids))
        for layer, pattern in enumerate(out.attentions):
            patterns[f"{prompt}/blocks.{layer}."] = pattern.detach()[0]
            taps.values[f"blocks.{layer}.attn.hook_pattern"] = pattern
        tensors |= {f"{prompt}/{name}": x for name, x in taps.values.items()}
    loss = sum(sums) / n_predicted(prompts)
    gradients = torch.autograd.grad(loss, list(tensors.values()))
    found = {name: gradient[0] for name, gradient in zip(tensors, gradients, strict=True)}

    d_head = head_width(model.config)
    for prompt in prompts:
        for layer in range(n_layers_of(model.config)):
            at = f"{prompt}/blocks.{layer}."
            if at + "qkv" in found:
                parts = split_qkv(found.pop(at + "qkv"), model.config)
            else:
                parts = {
                    letter: found.pop(at + letter).unflatten(-1, (-1, d_head)) for letter in "qkv"
                }
            for letter in "qk":
                rotated = found.pop(f"{at}rot_{letter}").transpose(0, 1)
                if model.config.model_type != "gpt2":
                    found[f"{at}attn.hook_rot_{letter}"] = rotated
            for letter, x in parts.items():
                found[f"{at}attn.hook_{letter}"] = x
            _, *norms = blocks_of(model)[layer]
            found[at + "attn.hook_z"] = found.pop(at + "z").unflatten(-1, (-1, d_head))
            pattern, grad_pattern = patterns[at], found[at + "attn.hook_pattern"]
            mean = (pattern * grad_pattern).sum(-1, keepdim=True)
            found[at + "attn.hook_attn_scores"] = pattern * (grad_pattern - mean)
            for norm, module in zip(("ln1", "ln2"), norms, strict=True):
                grad_out = found.pop(f"{at}{norm}.hook_out")
                found[f"{at}{norm}.hook_normalized"] = grad_out * module.weight.detach()
        final = final_norm(model)
        grad_out = found.pop(f"{prompt}/ln_final.hook_out")
        found[f"{prompt}/ln_final.hook_normalized"] = grad_out * final.weight.detach()
    return loss.item(), {
        name: x for name, x in found.items() if kind_of(name.split("/")[1]) in SITES
    }


def check_sites(lens, hugging_face):
    if set(lens) != set(hugging_face):
        raise AssertionError(f"in one of the two only: {sorted(set(lens) ^ set(hugging_face))}")
    worst = {}
    for name, gradient in lens.items():
        # A prompt of one token predicts nothing; its gradients are 0.
        if not max_abs(gradient):
            raise AssertionError(f"the gradient of {name} is 0")
        kind = kind_of(name.split("/")[1])
        difference = relative_difference(gradient, hugging_face[name])
        worst[kind] = max(worst.get(kind, 0.0), difference)
    if max(worst.values()) > FLOAT64_AGREEMENT:
        raise AssertionError(f"HookedTransformer and Hugging Face differ: {worst}")
    return worst


def check_parameters(model, prompts, gradients):
    """Each parameter's gradient along one random direction against a central difference."""
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            kept = parameter.clone()
            direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            direction /= direction.norm()
            slope = 0.0
            for steps, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
                parameter.copy_(kept + steps * DIFFERENCE_STEP * direction)
                slope += weight * mean_loss(model, prompts).item() / (12 * DIFFERENCE_STEP)
            parameter.copy_(kept)
            expected = (gradients[name] * direction).sum().item()
            difference = abs(slope - expected)
            if difference > DIFFERENCE_BOUND:
                raise AssertionError(f"{name}: finite difference {slope}, gradient {expected}")
            worst = max(worst, difference)
    return worst


def run_adamw(model, prompts):
    """The loss before each step and after the last; changes the parameters."""
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ],
        **ADAMW,
    )
    losses = []
    for _ in range(N_STEPS):
        optimizer.zero_grad()
        loss = mean_loss(model, prompts)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    with torch.no_grad():
        losses.append(mean_loss(model, prompts).item())
    return losses


def checkpoint_names(folder, model):
    """{name in transformers: name in the folder's files}; the files hold nothing else of use."""
    stored = set()
    for path in folder.glob("model*.safetensors"):
        with safe_open(path, "pt") as file:
            stored |= set(file.keys())
    names = {}
    for name, _ in model.named_parameters():
        names[name] = name if name in stored else name.removeprefix("transformer.")
        # The module that transformers calls lm_head is embed_out in GPT-NeoX's files.
        if name == "lm_head.weight" and "embed_out.weight" in stored:
            names[name] = "embed_out.weight"
    buffers = {name for name in stored if name.endswith(".attn.bias")}
    if set(names.values()) != stored - buffers:
        raise AssertionError(f"names differ: {sorted(set(names.values()) ^ (stored - buffers))}")
    return names


def make(name):
    from transformers import AutoModelForCausalLM

    source = MODELS / name
    expected = json.loads((source / "expected.json").read_text(encoding="utf-8"))
    prompts = {prompt: row["ids"] for prompt, row in expected["prompts"].items()}
    predicting = {prompt: ids for prompt, ids in prompts.items() if len(ids) > 1}
    model = AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, attn_implementation="eager"
    )
    model = model.double().eval()
    names = checkpoint_names(source, model)
    with double_islands(model):
        loss = mean_loss(model, prompts)
        loss.backward()
        gradients = {at: p.grad.clone() for at, p in model.named_parameters()}
        difference = check_parameters(model, prompts, gradients)
        lens_loss, sites = lens_site_gradients(
            hooked_transformer(model, torch.float64), predicting
        )
        hugging_face_loss, again = hugging_face_site_gradients(model, predicting)
        worst = check_sites(sites, again)
        for other in (lens_loss, hugging_face_loss):
            if not math.isclose(other, loss.item(), rel_tol=FLOAT64_AGREEMENT):
                raise AssertionError(f"losses {loss.item()}, {lens_loss}, {hugging_face_loss}")
        model.zero_grad()
        losses = run_adamw(model, prompts)

    folder = GRADIENTS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stored_type = torch.float64 if name in IN_FULL else torch.float32
    recipe = {"model": name, "command": f"tools/make_gradient_golden.py {name}"}
    recipe["versions"] = versions()
    stored = {f"parameters/{names[at]}": x for at, x in gradients.items()} | sites
    write_activations(
        folder / "gradients.safetensors",
        {at: x.to(stored_type) for at, x in stored.items()},
        recipe,
    )
    if name in IN_FULL:
        trained = {names[at]: p.detach() for at, p in model.named_parameters()}
        write_activations(folder / f"adamw_step_{N_STEPS}.safetensors", trained, recipe)
    settings = ADAMW | {"weight_decay": WEIGHT_DECAY, "steps": N_STEPS}
    write_json(
        folder / "expected.json",
        recipe
        | {
            "loss": loss.item(),
            "n_predicted": n_predicted(prompts),
            "prompts": list(prompts),
            "adamw": settings | {"losses": losses},
        },
    )
    print(f"\n{name}: loss {loss.item():.6f}, after {N_STEPS} steps {losses[-1]:.6f}")
    print(f"  parameters against finite differences {difference:.1e}")
    for kind, error in worst.items():
        print(f"  {kind:26} HookedTransformer against Hugging Face {error:.1e}")


def main():
    parser = argparse.ArgumentParser(description="Make the golden gradients of the tiny models.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(TINY)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(TINY):
        parser.error(f"no tiny model {sorted(unknown)}; expected some of {', '.join(TINY)}")
    for name in arguments.names or TINY:
        make(name)
    n_bytes = sum(path.stat().st_size for path in GRADIENTS.rglob("*") if path.is_file())
    print(f"\n{n_bytes / 1e6:.2f} MB in {GRADIENTS}")


if __name__ == "__main__":
    main()
