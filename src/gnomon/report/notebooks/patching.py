# SPDX-License-Identifier: Apache-2.0
# Cells of activation_patching.ipynb. Format: ../notebook.h.

# %% [markdown] id=title
# # Activation patching: does the report follow the neuron?
#
# {{execution_note}}
#
# **Question.** A report that correlates with `{{target}}` may be read from the neuron, or from whatever in the
# text also drives the neuron. Here the neuron is *written into*: in every held-out text it is given values that
# it takes by itself, everything else is computed on from there, and the report is read. If the report says what
# the neuron holds, it moves by 1 for every 1 that is written: the *causal gain* is 1. If it follows the text,
# the gain is 0.
#
# Run `{{run_id}}`, model `{{model}}`.

# %% [markdown] id=data-title
# ## Data loading
#
# `analysis/patch.csv` has one line for each held-out row and dose: the value written, and the report.

# %% id=data-loading
patch = read_json("analysis/patch.json")
table = read_csv("analysis/patch.csv")
column = {name: np.array([float(row[name]) for row in table])
          for name in ("activation", "clean_report", "dose", "value", "report")}
in_range = np.array([row["in_range"] == "true" for row in table])
n_dose = len(patch["doses"])
n_row = len(table) // n_dose
value, report, inside = (x.reshape(n_row, n_dose) for x in (column["value"], column["report"], in_range))
clean, activation = (column[name].reshape(n_row, n_dose)[:, 0] for name in ("clean_report", "activation"))
group = np.array([row["group"] for row in table]).reshape(n_row, n_dose)[:, 0]

assert n_row == patch["n_rows"] and len(set(group)) == patch["n_distinct"]
low, high = patch["natural_range"]["low"], patch["natural_range"]["high"]
assert np.array_equal(inside, (value >= low) & (value <= high)), "in_range is not the natural range"
print(f"{n_row} rows of {len(set(group))} text groups, {n_dose} doses")
print(f"patched {patch['site']}, read at {patch['read_out']}")
print(f"natural range {low:.4g} to {high:.4g}: 1 % to 99 % of {patch['n_training_rows']} training rows")

# %% [markdown] id=gain-title
# ## The causal gain
#
# Each text has a level of its own, which the intervention did not make: it is taken out. Within a text, the
# slope of report on value:
#
# $$\mathrm{gain} = \frac{\sum_i \sum_d (x_{id} - \bar x_i)(y_{id} - \bar y_i)}{\sum_i \sum_d (x_{id} - \bar x_i)^2}$$
#
# over doses within the natural range.

# %% id=gain
count = inside.sum(axis=1)


def within(x):
    """x without its row's mean over the doses in the range; 0 outside."""
    mean = np.where(inside, x, 0).sum(axis=1, keepdims=True) / np.maximum(count, 1)[:, None]
    return np.where(inside, x - mean, 0.0)


dx, dy = within(value), within(report)
xx, xy, yy = (dx * dx).sum(axis=1), (dx * dy).sum(axis=1), (dy * dy).sum(axis=1)
gain = xy.sum() / xx.sum()
# Rounding of a row's sums, relative to their size: n_dose + 4 operations on each term.
size = np.where(inside, np.abs(value), 0).max() * np.where(inside, np.abs(report), 0).max()
tolerance = 16 * (n_row * n_dose) * u * (size + abs(gain) * np.where(inside, value ** 2, 0).max()) * n_dose / (
    xx.sum() / n_row)
compare("gain", gain, patch["gain"]["value"], tolerance)
assert inside.sum() == patch["gain"]["n_in_range"]
print(f"gain {gain:+.4f}, stored {patch['gain']['value']:+.4f}, in {inside.sum()} of {inside.size} points")

# %% id=gain-spread
slopes = xy[xx > 0] / xx[xx > 0]
compare("sd of the rows' gains", slopes.std(ddof=1), patch["gain"]["row_gain_sd"], 4 * n_row * tolerance)
compare("share of positive gains", (slopes > 0).mean(), patch["gain"]["share_positive"],
        (np.abs(slopes) <= n_row * tolerance).mean() + u)
if yy.sum() > 0:
    relative = 64 * n_row * n_dose * u * (np.abs(report).max() ** 2 * n_row * n_dose / yy.sum() + 1)
    compare("R²(fit)", xy.sum() ** 2 / (xx.sum() * yy.sum()), patch["gain"]["r2_fit"],
            relative + 2 * tolerance / max(abs(gain), 1e-300))
said, held = report[inside], value[inside]
sse, sst = ((said - held) ** 2).sum(), ((held - held.mean()) ** 2).sum()
compare("R²(identity)", 1 - sse / sst, patch["gain"]["r2_identity"], 16 * said.size * u * (1 + sse / sst) * 4)
print(f"gain of single texts: sd {slopes.std(ddof=1):.4f}, positive in {(slopes > 0).mean():.0%}")

# %% [markdown] id=interval-title
# **Interval**: text groups drawn with replacement. The stored interval comes from other random numbers: its
# ends must lie at their quantiles of the resamples drawn here, within 5 standard errors.

# %% id=interval
random = np.random.default_rng(SEED)
_, index = np.unique(group, return_inverse=True)
n_group = index.max() + 1
draws = random.multinomial(n_group, np.full(n_group, 1 / n_group), size=N_RESAMPLE)
sum_xx, sum_xy = (np.bincount(index, weights=v, minlength=n_group) for v in (xx, xy))
resampled = (draws @ sum_xy) / (draws @ sum_xx)
for stored, q in zip(patch["gain"]["interval"] or [], (0.5 - patch["bootstrap"]["level"] / 2,
                                                      0.5 + patch["bootstrap"]["level"] / 2)):
    below, up_to = (resampled < stored - 1e-9).mean(), (resampled <= stored + 1e-9).mean()
    assert 0 < up_to and below < 1, f"{stored} lies outside all values drawn here"
    error = 5 * math.sqrt(q * (1 - q) * (1 / patch["bootstrap"]["n"] + 1 / N_RESAMPLE))
    compare(f"end of the interval at {q:.3f}", float(np.clip(q, below, up_to)), q, error)
    print(f"quantile {q:.3f}: stored {stored:+.4f}, drawn here {np.quantile(resampled, q):+.4f}")

# %% [markdown] id=doses-title
# ## Dose and response

# %% id=doses
for k, dose in enumerate(patch["doses"]):
    scale = 8 * n_row * u * (np.abs(report[:, k]).max() + np.abs(clean).max() + np.abs(value[:, k]).max())
    compare(f"dose {k}: mean value", value[:, k].mean(), dose["mean_value"], scale)
    compare(f"dose {k}: mean report", report[:, k].mean(), dose["mean_report"], scale)
    compare(f"dose {k}: mean change", (report[:, k] - clean).mean(), dose["mean_change"], 2 * scale)
    compare(f"dose {k}: share in range", inside[:, k].mean(), dose["share_in_range"], 4 * u)
    print(f"wrote {dose['mean_value']:+9.4f}   report {dose['mean_report']:+9.4f}   "
          f"change {dose['mean_change']:+9.4f}")

# %% id=figure-doses
figure, axes = plt.subplots(figsize=(6, 3.6))
some = np.linspace(0, n_row - 1, min(n_row, 40)).astype(int)
axes.plot(value[some].T, report[some].T, color=GREY, alpha=0.25, linewidth=0.7)
middle = value.mean(axis=0)
axes.plot(middle, report.mean(axis=0), "o-", color=BLUE, markersize=4, label="mean of all texts")
axes.axline((activation.mean(), report.mean()), slope=1, color=ORANGE, linestyle="--",
            label="gain 1: the report says what is written")
axes.axvspan(low, high, color=BLUE, alpha=0.06, label="natural range")
axes.set(xlabel="value written into the neuron", ylabel="report",
         title=f"Dose and response: gain {gain:+.3f}; thin lines are single texts")
axes.legend(frameon=False, fontsize=8)
axes.set_ylim(report.min() - 0.1 * np.ptp(report), report.max() + 0.1 * np.ptp(report))
plt.show()

# %% [markdown] id=controls-title
# ## Controls
#
# The same was done to other neurons of the layer that vary and write as much. A gain that theirs reach as well
# says nothing about this neuron. Their reports are not in the file: their gains are read from the run.

# %% id=controls
others = [abs(unit["gain"]["value"]) for unit in patch["controls"]["units"] if unit["gain"]["value"] is not None]
if others:
    above = np.mean(np.array(others) < abs(gain)) + np.mean(np.array(others) == abs(gain)) / 2
    compare("percentile among controls", 100 * above, patch["controls"]["percentile"], 1e-9)
    compare("p against controls", (1 + sum(other >= abs(gain) for other in others)) / (1 + len(others)),
            patch["controls"]["p"], 4 * u)
    print(f"|gain| {abs(gain):.4f}; {len(others)} controls: middle {np.median(others):.4f}, "
          f"largest {max(others):.4f}; p = {patch['controls']['p']:.3g}")

# %% id=figure-controls
figure, axes = plt.subplots(figsize=(6, 1.8))
axes.plot(others, np.zeros(len(others)), "|", color=GREY, markersize=18, label="control neurons")
axes.plot([abs(gain)], [0], "o", color=ORANGE, label="this neuron")
axes.set(yticks=[], xlabel="|gain|", title="The neuron among its controls")
axes.legend(frameon=False, fontsize=8)
plt.show()

# %% [markdown] id=ablations-title
# ## Ablation and interchange
#
# *Ablation* asks whether the neuron is needed: slope of the report on the clean activation, across texts, before
# and after the neuron is set to 0, to its mean, or to another text's value. *Interchange* asks whether it is
# enough: the report against the value of a donor text. Read from the run.

# %% id=ablations
slope = lambda x, y: float((x - x.mean()) @ y / ((x - x.mean()) @ (x - x.mean())))
for row in patch["ablations"]:
    if row["clean_slope"]["value"] is not None:
        bound = 64 * n_row * u * (np.abs(clean).max() * np.abs(activation).max() / activation.var() + 1)
        compare(f"{row['mode']}: clean slope", slope(activation, clean), row["clean_slope"]["value"], bound)
        print(f"{row['mode']:9} slope {row['clean_slope']['value']:+.3f} before, "
              f"{row['ablated_slope']['value']:+.3f} after")
if patch["interchange"]:
    print(f"interchange: slope {patch['interchange']['slope']:+.4f} over {patch['interchange']['n_pairs']} pairs, "
          f"p = {patch['interchange']['p']:.3g}")

# %% [markdown] id=limits-title
# ## Limits
#
# * Values within the natural range only: outside it the model is asked about states that it never has.
# * The gain is a mean over texts. A small mean may hide texts that follow and texts that go the other way; the
#   share of positive slopes tells.
# * Later blocks may compensate for a written value, so that an effect is a lower bound on what the neuron
#   carries (McGrath et al. 2023, arXiv:2307.15771).
# * "No effect" is claimed only at a margin that was declared beforehand.

# %% id=verdict
print(f"verdict of the run: {patch['verdict']}, margin {patch['no_effect']['margin']}"
      if patch["no_effect"] else f"verdict of the run: {patch['verdict']}")
print(f"{len(comparisons)} numbers of the run recomputed, all within their tolerance")
