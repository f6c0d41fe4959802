# SPDX-License-Identifier: Apache-2.0
# Cells of projection_analysis.ipynb after the summary. Format: ../notebook.h.

# %% [markdown] id=ladder-title
# ## Why r is not 1: the ladder
#
# Between a projection and the activation stand a few operations. They are switched on here one after
# another, and r is taken after each. At the end stands the activation itself, so that r must be 1 to
# rounding. A step that adds the same number for every text cannot change r: its change is 0 by algebra.

# %% id=ladder
{{ladder_streams}}
xF = final[test]
stored_rungs = {(ladder["direction"], rung["name"]): rung
                for ladder in audit["ladders"] for rung in ladder["rungs"]}
climbed = {}  # direction -> [(step, r)]


def climb(direction, step, value, size):
    """r after one more step; `size` bounds the terms that were added up in each row."""
    rung = stored_rungs.pop((direction, step))
    here = pearson(value, y)
    compare(f"{direction}, {step}: r", here, rung["r"], r_tolerance(value, 4 * (d + 8) * u * size))
    steps = climbed.setdefault(direction, [])
    change = ""
    if steps and here is not None and steps[-1][1] is not None:
        change = "0 by algebra" if rung["exact_zero"] else f"{here - steps[-1][1]:+.3f}"
        if rung["exact_zero"]:
            compare(f"{direction}, {step}: no change", here - steps[-1][1], 0.0,
                    2 * r_tolerance(value, 4 * (d + 8) * u * size))
    steps.append((step, here))
    print(f"{direction:10} {step:28} r {'none' if here is None else format(here, '+.4f')}  {change}")

# %% [markdown] id=ladder-input-title if=neuron
# ### From the stream before the block to the neuron
#
# The original study multiplied `resid_pre` with the input weights. That is the first step here; each cell
# adds one operation that the neuron itself has.

# %% id=ladder-input-start if=neuron
w, bias = {{ladder_read}}
w_size = np.abs(w)
climb("input", "start", x0 @ w, np.abs(x0) @ w_size)

# %% id=ladder-attention if=neuron,sequential
climb("input", "+ attention", x1 @ w, np.abs(x1) @ w_size)

# %% id=ladder-centring if=neuron,layer_norm
mean = {{read_stream}}.mean(axis=1, keepdims=True)
climb("input", "norm: centring", ({{read_stream}} - mean) @ w, (np.abs({{read_stream}}) + np.abs(mean)) @ w_size)

# %% id=ladder-no-centring if=neuron,rms_norm
mean = 0.0  # RMSNorm does not centre

# %% id=ladder-scale if=neuron
scale = np.sqrt((({{read_stream}} - mean) ** 2).mean(axis=1, keepdims=True) + model["norm_eps"])
size = (np.abs({{read_stream}}) + np.abs(mean)) / scale
climb("input", "norm: scale 1/σ", (({{read_stream}} - mean) / scale) @ w, size @ w_size)

# %% id=ladder-weight if=neuron
weighted = ({{read_stream}} - mean) / scale * gamma
climb("input", "norm: weight", weighted @ w, (size * np.abs(gamma)) @ w_size)

# %% id=ladder-bias if=neuron,norm_bias
size = size * np.abs(gamma) + np.abs(beta)
climb("input", "norm: bias", (weighted + beta) @ w, size @ w_size)

# %% id=ladder-b-in if=neuron,read_bias
linear = (weighted + beta) @ w + bias
climb("input", "+ b_in", linear, n2_size[test] @ w_size + abs(bias))

# %% id=ladder-activation if=neuron,plain,post
climb("input", model["activation"], act(linear), n2_size[test] @ w_size + abs(bias) + np.abs(linear))

# %% id=ladder-product if=neuron,gated,post
read_size = n2_size[test] @ np.abs(w_read) + abs(b_read)
product_size = read_size * (1 + np.abs(up[test])) + (1 + np.abs(gate[test])) * (n2_size[test] @ np.abs(w_up))
climb("input", "product of the branches", act(gate[test]) * up[test], product_size)

# %% [markdown] id=ladder-branches-title if=neuron,gated,post
# Each branch of the gated neuron alone: the same operations, then its own last step.

# %% id=ladder-branches if=neuron,gated,post
for direction, w, bias, last in (
        ("input_gate", w_read, b_read, [(model["activation"], act(gate[test])),
                                        ("× up branch", act(gate[test]) * up[test])]),
        ("input_up", w_up, 0.0, [(f"× {model['activation']}(gate)", act(gate[test]) * up[test])])):
    magnitude = np.abs(w)
    climb(direction, "start", x0 @ w, np.abs(x0) @ magnitude)
    climb(direction, "+ attention", x1 @ w, np.abs(x1) @ magnitude)
    climb(direction, "norm: scale 1/σ", (x1 / scale) @ w, np.abs(x1 / scale) @ magnitude)
    climb(direction, "norm: weight", weighted @ w, np.abs(weighted) @ magnitude)
    if (direction, "+ b_in") in stored_rungs:
        climb(direction, "+ b_in", n2[test] @ w + bias, n2_size[test] @ magnitude + abs(bias))
    for step, value in last:
        climb(direction, step, value, product_size)

# %% [markdown] id=ladder-write-title if=writes
# ### From what the target writes to the target
#
# The stream at {{write_site}} holds the target's own write and everything else that was added. Each step
# takes one of the others away.

# %% id=ladder-write if=writes
at_write = {{write_stream}}
large = (np.abs(x0) + 2 * np.abs(x1) + 2 * np.abs(x2)) @ np.abs(w_out)
removed = {{removals}}


def climb_write(direction, value, large):
    climb(direction, "start", value, large)
    if direction == "final":
        value = at_write @ w_out
        climb(direction, "without later layers", value, large)
    for step, term in removed:
        value = value - term
        climb(direction, step, value, large)
    if ".mlp.hook_pre" in TARGET:  # the target is before the neuron's curve
        climb(direction, "undo the activation", y, np.abs(y))


climb_write("output", at_write @ w_out, large)

# %% id=ladder-final if=writes
climb_write("final", xF @ w_out, large + 2 * np.abs(xF) @ np.abs(w_out))

# %% [markdown] id=ladder-head-title
# ### From the head to the activation
#
# The head is one line. Its offset cannot change r, nor can a better slope: what is missing is missing from
# the features that it reads.

# %% id=ladder-head
report_train, report = columns["head"].value[train], columns["head"].value[test]
report_size = np.abs(xF) @ np.abs(w_head) + abs(b_head)
climb("head", "start", xF @ w_head, report_size)
climb("head", "+ b", report, report_size)
line = np.polyfit(report_train - report_train.mean(), truth[train], 1)
climb("head", "calibrated on training rows",
      line[0] * (report - report_train.mean()) + line[1], np.abs(line[0]) * report_size + np.abs(line[1]))
climb("head", "+ what the features miss", y, np.abs(y))

# %% id=ladder-closes
assert not stored_rungs, f"steps that were not climbed: {list(stored_rungs)}"
for ladder in audit["ladders"]:
    end = climbed[ladder["direction"]][-1][1]
    assert 1 - end < ladder["tolerance"], f"{ladder['direction']} does not end at the activation"
    print(f"{ladder['direction']:10} ends at r = 1 - {max(1 - end, 0):.1e}, below {ladder['tolerance']:.1e}")

# %% id=figure-ladder
figure, axes = plt.subplots(len(climbed), 1, squeeze=False,
                            figsize=(7, 0.7 * len(climbed) + 0.24 * sum(map(len, climbed.values()))),
                            gridspec_kw={"height_ratios": [len(s) for s in climbed.values()]})
for panel, (direction, steps) in zip(axes[:, 0], climbed.items()):
    places = range(len(steps))
    panel.plot([r_ for _, r_ in steps], places, "o-", color=BLUE, markersize=4)
    panel.set_yticks(places, [step for step, _ in steps])
    panel.invert_yaxis()
    panel.set_xlim(-1.05, 1.05)
    panel.axvline(0, color=GREY, linewidth=0.8)
    panel.set_title(direction, loc="left", fontsize=9)
axes[-1, 0].set_xlabel("r with the activation")
figure.tight_layout()
plt.show()

# %% [markdown] id=reports-title if=trained
# ## The trained reporter
#
# Held-out reports of each seed's best checkpoint, from `seeds/*/reports.csv`, scored again. R²(identity) takes
# the reports as they stand; r would not notice a wrong offset.

# %% id=reports if=trained
scores = {}
for folder in sorted((RUN / "seeds").iterdir(), key=lambda path: int(path.name)):
    evaluation = read_json(f"seeds/{folder.name}/evaluation.json")
    stored = evaluation["rows"][0]
    rows = [row for row in read_csv(f"seeds/{folder.name}/reports.csv") if row["part"] == "test"]
    told, said = (np.array([float(row[f"{kind} {TARGET}"]) for row in rows])
                  for kind in ("activation", "report"))
    name, zero = f"seed {folder.name}", np.zeros(len(rows))
    compare(f"{name}: r", pearson(said, told), stored["r"], r_tolerance(said, zero) if np.ptp(said) else 0)
    compare(f"{name}: R²", r2_identity(said, told), stored["r2_identity"], r2_tolerance(said, zero, told))
    compare(f"{name}: mean absolute error", np.abs(said - told).mean(), stored["mean_absolute_error"],
            16 * len(rows) * u * (np.abs(said) + np.abs(told)).mean())
    scores[name] = (stored["r"], stored["r2_identity"])
    print(f"{name}: r {stored['r']:+.3f}  R² {stored['r2_identity']:+.3f}  "
          f"mean error {stored['mean_absolute_error']:.4f}")

# %% id=figure-reports if=trained
figure, axes = plt.subplots(figsize=(4.2, 3.6))
axes.scatter(said, told, s=9, color=BLUE, alpha=0.5, linewidths=0)
axes.axline((told.mean(), told.mean()), slope=1, color=ORANGE, label="report = activation")
axes.set(xlabel="report", ylabel="activation", title=f"Held-out reports, {name}")
axes.legend(frameon=False)
plt.show()

# %% [markdown] id=patching-title
# ## Patching
#
# Everything above is observation. Whether a report *comes from* the neuron is asked by writing other values
# into the neuron and watching the report. This run
# did not do it. `gnomon patch RUN` does, for a run that trained a reporter, and writes `activation_patching.ipynb`.

# %% [markdown] id=controls-title
# ## Controls
#
# What a correlation has to beat: predictions that never look at the neuron. They are fitted to the training
# rows and scored on the held-out ones.

# %% id=controls
tokens = [prompts[text]["token_ids"] for text in study["text"]]
length = np.array([len(ids) for ids in tokens])
at = np.array([ids[place] for ids, place in zip(tokens, study["position"])])
seen = {"lookup": list(zip(study["group"], study["position"])), "last_token": list(at)}
guess = {"mean": np.full(n, truth[train].mean())}
for name, key in seen.items():  # the training mean of rows with the same key, else the training mean
    known = {}
    for row in train:
        known.setdefault(key[row], []).append(truth[row])
    guess[name] = np.array([np.mean(known.get(key[row], truth[train])) for row in test])
for name, x in (("length", length), ("position", study["position"])):
    centred = x[train] - x[train].mean()
    slope_ = centred @ truth[train] / (centred @ centred) if centred.any() else 0.0
    guess[name] = truth[train].mean() + slope_ * (x[test] - x[train].mean())

# %% id=controls-ridge
# (XᵀX + λ) w = Xᵀ y on centred columns, λ from the run: the best that a line can do at the head's site.
gram = features.T @ features + projections["ridge"]["lambda"] * np.eye(d)
ridge = np.linalg.solve(gram, features.T @ (truth[train] - truth[train].mean()))
guess["ridge"] = truth[train].mean() + (xF - study["resid_final"][train].mean(axis=0)) @ ridge
ridge_error = 8 * (len(train) + d) * u * np.linalg.cond(gram) * (
    np.linalg.norm(xF - study["resid_final"][train].mean(axis=0), axis=1) * np.linalg.norm(ridge))

# %% id=controls-compared
for row in projections["baselines"]:
    if row["name"] not in guess:
        continue
    x = guess[row["name"]]
    error = ridge_error if row["name"] == "ridge" else 8 * len(train) * u * (np.abs(truth).max() + np.abs(x))
    compare(f"{row['name']}: r", pearson(x, y), row["r"], r_tolerance(x, error) if np.ptp(x) else 0)
    compare(f"{row['name']}: R²", r2_identity(x, y), row["r2_identity"], r2_tolerance(x, error, y))
    value = "  none" if row["r"] is None else f"{row['r']:+.3f}"
    print(f"{row['name']:12} r {value}  R² {row['r2_identity']:+8.3f}   {row['definition']}")

# %% [markdown] id=controls-shuffled-title
# **Shuffled labels.** The same ridge fitted to training labels that were dealt out anew finds only chance. The
# run's own shuffles are other random numbers than these.

# %% id=controls-shuffled
chance = []
for _ in range(100):
    shuffled = random.permutation(truth[train])
    fit = np.linalg.solve(gram, features.T @ (shuffled - shuffled.mean()))
    chance.append(abs(np.corrcoef((xF @ fit), y)[0, 1]))
stored = {row["name"]: row for row in projections["baselines"]}.get("shuffled_labels")
print(f"|r| of shuffled labels: median {np.median(chance):.3f}, 97.5 % quantile {np.quantile(chance, 0.975):.3f}"
      + (f", in the run {stored['r']:.3f}" if stored else ""))

# %% [markdown] id=limits-title
# ## Limits
#
# * A head that correlates shows that the activation can be told from the last stream by a line. It does not
#   show that the report is read from the neuron: text features that drive both do as well.
# * r of `input` is no evidence about a report. It is near 1 by the neuron's definition, and the ladder says
#   what is between.
# * A percentile among random directions is a description, not a test.
# * One neuron, one model, texts of one kind. The interval is about other texts of this kind.
# * Not recomputed here: cosines of the layer's other neurons and their correlations, which need all weights of
#   the model, and the Shapley values of the ladder.
# * What would change our mind: a causal gain whose interval excludes what control neurons have
#   (`gnomon patch`), in either direction.

# %% [markdown] id=checks-title
# ## Checks
#
# The identities that Gnomon measured in this run, and the comparisons that this notebook made.

# %% id=checks
failed = [check for check in read_json("checks.json") if check["status"] == "fail"]
assert not failed, f"checks of the run that failed: {[check['title'] for check in failed]}"
print(f"{len(read_json('checks.json'))} checks of the run, 0 failed")
name, difference, tolerance = max((row for row in comparisons if row[2] > 0), key=lambda row: row[1] / row[2])
print(f"{len(comparisons)} numbers of the run recomputed, all within their tolerance")

# %% [markdown] id=environment-title
# ## Environment and citation

# %% id=environment
manifest = read_json("run.json")
print(f"run    {manifest['id']}, status {manifest['status']}")
print(f"model  {manifest['model']['name']}, sha256 {manifest['model']['sha256'][:16]}…")
print(f"texts  sha256 {manifest['data']['sha256'][:16]}…")
print(f"Gnomon {manifest['tool']['version']}, seed {manifest['seed']}, {manifest['precision']}")

# %% [markdown] id=citation
# ```bibtex
# @software{gnomon,
#   title = {Gnomon: whether a language model can report what one of its own neurons is doing},
#   version = "{{version}}",
#   note = "run {{run_id}}"
# }
# ```
