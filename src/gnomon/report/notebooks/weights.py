# SPDX-License-Identifier: Apache-2.0
# Cells of linear_weights_analysis.ipynb. Format: ../notebook.h.

# %% [markdown] id=title
# # What does the report read? Weights and directions
#
# {{execution_note}}
#
# **Question.** A trained report of `{{target}}` changes by `w · Δx` when the residual stream changes by a small
# `Δx`. Does its read-out `w` point along what the neuron reads, along what it writes, or somewhere else? For a
# linear head `w` is its weights; for any other reporter it is the gradient of the report.
#
# Run `{{run_id}}`, model `{{model}}`.

# %% [markdown] id=data-title
# ## Data loading
#
# `analysis/weights.json` has the read-outs and all cosines. The streams and the neuron's weights are in the run
# that was analysed. It is looked for beside this one, by the hash of its configuration; without it, what needs
# them is left out, and the cells say so.

# %% id=data-loading
weights = read_json("analysis/weights.json")
settings = (RUN / "config.resolved.toml").read_text(encoding="utf-8")
wanted = next(line.split('"')[1] for line in settings.splitlines() if line.startswith("configuration_sha256"))
source = None
for manifest in sorted(RUN.resolve().parent.glob("*/run.json")):
    if json.loads(manifest.read_text(encoding="utf-8")).get("configuration_sha256") == wanted:
        source = manifest.parent
        break
study, about = (None, None)
if source is not None and (source / "analysis/study.safetensors").exists():
    study, about = read_safetensors(source / "analysis/study.safetensors")
print("The analysed run is beside this one." if study else
      "The analysed run is not beside this one: cosines are read, not recomputed.")
print(f"{weights['reporter']}; {weights['n_rows']} held-out rows of {weights['n_distinct']} text groups")

# %% [markdown] id=read-outs-title
# ## Read-outs
#
# `feature` is where the reporter reads; `written` is the stream right after the neuron has added its own, so that
# every later block is part of the read-out there.

# %% id=read-outs
w = {}
for row in weights["read_outs"]:
    if row["site"] is None:
        print(f"{row['place']}: nothing is compared, {row.get('why', 'no reason stored')}")
        continue
    w[row["place"]] = np.array(row["read_out"])
    length = np.linalg.norm(w[row["place"]])
    compare(f"{row['place']}: length", length, row["length"], 8 * len(w[row["place"]]) * u * length)
    print(f"{row['place']:8} {row['site']}: {row['origin']}; length {length:.4g}, "
          + ("one vector for every text" if row["constant"] else f"resultant {row['resultant']:.3f} over texts"))

# %% [markdown] id=cosines-title
# ## Cosines
#
# Four statistics of a read-out `w` and a direction `u`, Σ the covariance of the stream over the training rows:
#
# | statistic | definition | reads as |
# |---|---|---|
# | filter | cos(w, u) | do the weights point there? |
# | pattern | cos(Σw, u) | does what moves along with the report point there? |
# | whitened | w·u / √(wᵀΣw · uᵀΣ⁻¹u) | is w the best filter for a signal written along u? |
# | projection | wᵀΣu / √(wᵀΣw · uᵀΣu) | does the report move like this projection? |
#
# A write is a pattern and a read is a filter. In `whitened`, Σ is drawn to its diagonal by the ρ that is stored.

# %% id=directions
cosine = lambda a, b: float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
u_of = {}
same_weights = all(row["relative_change"] == 0 for row in weights["weight_changes"] or [])
if study and "neuron.read" in study and same_weights:
    model = json.loads(about["model_config"])
    centre = (lambda v: v - v.mean()) if model["norm"] == "layer_norm" else (lambda v: v)
    fold = lambda v: centre(study["neuron.norm_weight"] * v)  # what is read of the stream before the norm
    if model["gated_mlp"]:
        gate, up = study["mean_gradient"]
        u_of = {"input_gate": fold(study["neuron.read"]), "input_up": fold(study["neuron.up_read"])}
        if "hook_post" in weights["target"]:
            u_of["input"] = fold(gate * study["neuron.read"] + up * study["neuron.up_read"])
    else:
        u_of = {"input": fold(study["neuron.read"])}
    u_of["output"] = study["neuron.write"]
else:
    centre = lambda v: v
print("recomputed for:", ", ".join(sorted(u_of)) or "no direction")

# %% id=covariance
sigma, gram_error = {}, {}
if u_of:
    train = np.flatnonzero(study["part"] == 0)
    for place, stream in (("feature", study["resid_final"]), ("written", study["resid_post"])):
        x = stream[train] - stream[train].mean(axis=0)
        sigma[place] = x.T @ x / (len(train) - 1)
        # What rounding of the float32 stream and of the sums does to Σ, relative to its largest entries.
        gram_error[place] = 8 * (len(train) + len(x[0])) * u

# %% id=cosines-compared
def statistics_of(place, w, direction, rho):
    """The four statistics, and how far rounding may move each."""
    s = sigma[place]
    shrunk = (1 - rho) * s + rho * np.diag(np.diag(s))
    solved = np.linalg.solve(shrunk, direction)
    size = np.linalg.norm(np.abs(s) @ np.abs(w)) / np.linalg.norm(s @ w)
    own, other = math.sqrt(w @ s @ w), math.sqrt(direction @ s @ direction)
    loose = gram_error[place]
    scale = np.linalg.norm(np.abs(s), 2) * np.linalg.norm(w) / own
    return {"filter": (cosine(centre(w), centre(direction)), loose),
            "pattern": (cosine(centre(s @ w), centre(direction)), 4 * loose * size * len(w)),
            "whitened": (float(w @ direction / math.sqrt((w @ shrunk @ w) * (direction @ solved))),
                         4 * loose * np.linalg.cond(shrunk)),
            "projection": (float(w @ s @ direction / (own * other)),
                           4 * loose * len(w) * scale * (np.linalg.norm(direction) / other + 1 / own))}


rho = {row["place"]: row.get("shrinkage") for row in weights["read_outs"]}
for row in weights["cosines"]:
    if row["direction"] in u_of and row["place"] in w and row["value"] is not None:
        here, loose = statistics_of(row["place"], w[row["place"]], u_of[row["direction"]],
                                    rho[row["place"]])[row["statistic"]]
        compare(f"{row['place']}, {row['direction']}: {row['statistic']}", here, row["value"], loose)

# %% id=cosines-table
for row in weights["cosines"]:
    if row["value"] is None or row["kind"] == "component":
        continue
    null = row["other_neurons"]
    print(f"{row['place']:8} {row['direction']:10} {row['statistic']:10} {row['value']:+.3f}"
          + (f"   |value| above {null['percentile']:5.1f} % of {null['n']} other neurons" if null else ""))

# %% id=figure-cosines
rows = [row for row in weights["cosines"] if row["kind"] != "component" and row["value"] is not None]
names = [f"{row['place']}, {row['direction']}: {row['statistic']}" for row in rows]
figure, axes = plt.subplots(figsize=(6.5, 0.6 + 0.24 * len(rows)))
for k, row in enumerate(rows):
    null = row["other_neurons"] or row["random_directions"]
    if null:
        axes.plot([-null["abs_upper"], null["abs_upper"]], [k, k], color=GREY, alpha=0.35, linewidth=7)
    axes.plot([0, row["value"]], [k, k], color=BLUE, linewidth=1)
    axes.plot([row["value"]], [k], "o", color=BLUE, markersize=4)
axes.set_yticks(range(len(rows)), names)
axes.invert_yaxis()
axes.axvline(0, color=GREY, linewidth=0.8)
axes.set(xlim=(-1.02, 1.02), xlabel="cosine", title="Grey: 97.5 % of the null lies within")
figure.tight_layout()
plt.show()

# %% [markdown] id=share-title
# ## The share of the neuron's own write
#
# `gain` is the change of the report when the neuron changes by 1, through its write alone: `W_out[n] · w`. `share`
# is what that makes of the report's variance; the rest is made by everything else.

# %% id=share
for row in weights["read_outs"]:
    share = row.get("write_share")
    if row["site"] is None or not share:
        continue
    if "output" in u_of:
        product = float(u_of["output"] @ w[row["place"]])
        compare(f"{row['place']}: gain", product, share["gain"],
                8 * len(w[row["place"]]) * u * float(np.abs(u_of["output"]) @ np.abs(w[row["place"]])))
    if share["share"]["value"] is not None:
        compare(f"{row['place']}: share and rest", share["share"]["value"] + share["rest"]["value"], 1.0, 8 * u)
        print(f"{row['place']:8} gain {share['gain']:+.4f}, share of the report's variance "
              f"{share['share']['value']:+.3f}")

# %% [markdown] id=limits-title
# ## Limits
#
# * First order: a gradient says nothing about changes that are not small.
# * A filter also cancels what is in its way: a small `filter` does not show that the neuron is ignored.
# * A percentile places this neuron among others of the layer; it is not a test.
# * Whether the report follows the neuron is shown by writing into it: `gnomon patch`.

# %% id=closing
print(f"{len(comparisons)} numbers of the run recomputed, all within their tolerance")
