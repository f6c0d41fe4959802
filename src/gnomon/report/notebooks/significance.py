# SPDX-License-Identifier: Apache-2.0
# Cells of projection_analysis.ipynb about chance, figures and the summary. Format: ../notebook.h.

# %% [markdown] id=significance-title
# ### Significance
#
# The two-sided p of r under no correlation is $I_{1-r^2}(\frac{n-2}{2}, \frac12)$, the regularised incomplete
# beta function. `2 * (1 - cdf(t))`, which the original study used, prints 0 for every strong correlation. Here
# it is computed as a logarithm, by a continued fraction. n is the number of text groups: copies of a text are
# not evidence. Holm's correction covers the directions of this run.

# %% id=p-value
def continued_fraction(x, a, b):
    """Of the incomplete beta function, by Lentz's method (Numerical Recipes, section 6.4)."""
    c, d_ = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d_
    for m in range(1, 1000):
        for numerator in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                          -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d_, c = 1 / (1 + numerator * d_), 1 + numerator / c
            value *= d_ * c
        if abs(d_ * c - 1) < 1e-16:
            break
    return value


def log10_p(r, n):
    """log10 of the two-sided p of r, from n independent pairs."""
    a, b, x = (n - 2) / 2, 0.5, max(1 - r * r, 2 * u)
    if n <= 2 or r == 0:
        return 0.0
    front = (math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x)
             + b * math.log(r * r))
    if x < (a + 1) / (a + b + 2):
        return (front + math.log(continued_fraction(x, a, b) / a)) / math.log(10)
    return math.log1p(-math.exp(front) * continued_fraction(r * r, b, a) / b) / math.log(10)

# %% id=p-value-compared
def spread(function, r, slack):
    """How far a function of r that rises or falls may be off if r is off by slack."""
    ends = (max(r - slack, -1.0), min(r + slack, 1.0))
    return max(abs(function(end) - function(r)) for end in ends)


log_p = {}
for name, row in defined.items():
    if r[name] is None or 1 - abs(r[name]) < 1e-9:  # p of a line is a matter of rounding
        log_p[name] = row["log10_p"]
        continue
    log_p[name] = log10_p(r[name], n_groups)
    compare(f"{name}: log10 p", log_p[name], row["log10_p"],
            spread(lambda value: log10_p(value, n_groups), r[name], slack[name])
            + 64 * u * (n_groups + abs(log_p[name])))
    print(f"{name:10} r {r[name]:+.3f}   log10 p {log_p[name]:8.2f}   n = {n_groups} text groups")

# %% id=holm
tested = sorted((name for name in log_p if log_p[name] is not None), key=log_p.get)
worst = -math.inf
for k, name in enumerate(tested):
    worst = max(worst, log_p[name] + math.log10(len(tested) - k))
    compare(f"{name}: log10 p (Holm)", min(worst, 0.0), defined[name]["log10_p_holm"],
            64 * u * (n_groups + abs(worst)) + spread(lambda value: log10_p(value, n_groups),
                                                      r[name], slack[name]))

# %% [markdown] id=intervals-title
# **Intervals.** Fisher's is a formula. The reported one is a bootstrap: draw text groups with replacement,
# compute r again, take the middle {{level}} %. Gnomon's draws and those of this notebook are different random
# numbers, so the ends are not the same: each stored end must lie at its quantile of the resamples drawn here,
# among the values drawn and within 5 standard errors of that share, $5\sqrt{q(1-q)(1/B_1 + 1/B_2)}$ for $B_1$ and $B_2$ resamples.

# %% id=bootstrap
random = np.random.default_rng(SEED)
LEVEL, N_STORED = {{level}} / 100, {{n_bootstrap}}
_, group = np.unique(study["group"][test], return_inverse=True)
draws = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=N_RESAMPLE).astype(float)


def bootstrap_r(x, y):
    """r of each resample of text groups: every sum is a sum over groups."""
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    sums = [draws @ np.bincount(group, weights=v, minlength=n_groups)
            for v in (np.ones(n), x, y, x * x, y * y, x * y)]
    m, sx, sy, sxx, syy, sxy = sums
    with np.errstate(all="ignore"):
        values = (m * sxy - sx * sy) / np.sqrt((m * sxx - sx ** 2) * (m * syy - sy ** 2))
    return values[np.isfinite(values)]


def share_tolerance(q, n_stored):
    return 5 * math.sqrt(q * (1 - q) * (1 / n_stored + 1 / N_RESAMPLE))

# %% id=intervals-compared
def compare_quantile(name, values, stored, q, loose):
    """The stored number is the q quantile of values, within the error of both samples."""
    below, up_to = (values < stored - loose).mean(), (values <= stored + loose).mean()
    assert 0 < up_to and below < 1, f"{name}: {stored} lies outside all {len(values)} values drawn here"
    compare(name, float(np.clip(q, below, up_to)), q, share_tolerance(q, N_STORED))


for name, row in defined.items():
    if r[name] is None or row["ci_low"] is None:
        continue
    values = bootstrap_r(columns[name].value[test], y)
    for end, q in (("ci_low", (1 - LEVEL) / 2), ("ci_high", (1 + LEVEL) / 2)):
        compare_quantile(f"{name}: {end}", values, row[end], q, slack[name] + 1e-9)
    z = NormalDist().inv_cdf((1 + LEVEL) / 2) / math.sqrt(max(n_groups - 3, 1))
    if n_groups > 3 and 1 - abs(r[name]) > 1e-9:
        for end, sign in (("fisher_low", -1), ("fisher_high", 1)):
            fisher = lambda value: math.tanh(math.atanh(min(value, 1 - 2 * u)) + sign * z)
            compare(f"{name}: {end}", fisher(r[name]), row[end],
                    spread(fisher, r[name], slack[name]) + 32 * u)
    print(f"{name:10} r {r[name]:+.3f}  [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]   "
          f"drawn here [{np.quantile(values, (1 - LEVEL) / 2):+.3f}, "
          f"{np.quantile(values, (1 + LEVEL) / 2):+.3f}]")

# %% [markdown] id=null-title
# **Is this direction better than any other?** Random directions with the covariance of the stream at the same
# site, $v = \sum_i z_i (x_i - \bar x)$ over the training rows with $z_i$ independent standard normal. The
# direction's |r| has a percentile among theirs. The layer's other neurons, the second null, need weights that
# are not in the run; their percentile is read from it.

# %% id=null
streams = {"head": final, "final": final, "output": {{output_stream}}}
null_upper = {}
for name, row in defined.items():
    null = row["random_directions"]
    if r[name] is None or null is None:
        continue
    stream = streams[name] if name in streams else n2
    spread_out = stream[train] - stream[train].mean(axis=0)
    vectors = random.standard_normal((N_RESAMPLE, len(train))) @ spread_out
    shadows = vectors @ stream[test].T
    shadows -= shadows.mean(axis=1, keepdims=True)
    unit = (y - y.mean()) / np.linalg.norm(y - y.mean())
    values = np.abs(shadows @ unit) / np.linalg.norm(shadows, axis=1)
    share = (values < abs(r[name])).mean()
    q = (null["percentile"] / 100 * null["n"] + 1) / (null["n"] + 2)  # never exactly 0 or 1
    compare(f"{name}: percentile among random directions", share, null["percentile"] / 100,
            share_tolerance(q, null["n"]))
    compare(f"{name}: 97.5 % of random |r|", (values <= null["abs_r_upper"]).mean(), 0.975,
            share_tolerance(0.975, null["n"]))
    null_upper[name] = null["abs_r_upper"]
    others = row["other_neurons"]
    print(f"{name:10} |r| {abs(r[name]):.3f}: above {null['percentile']:5.1f} % of random directions"
          + (f", {others['percentile']:5.1f} % of other neurons" if others else ""))

# %% [markdown] id=figures-title
# ## Figures
#
# Each panel: one dot a held-out text, the least-squares line, and r with its interval.

# %% id=figure-projections
shown = [name for name in defined if r[name] is not None]
rows = -(-len(shown) // 2)
figure, axes = plt.subplots(rows, 2, figsize=(8.4, 3.2 * rows), sharey=True, squeeze=False)
for panel, name in zip(axes.flat, shown):
    x, row = columns[name].value[test], defined[name]
    panel.scatter(x, y, s=9, color=BLUE, alpha=0.5, linewidths=0)
    slope_, offset_ = np.polyfit(x, y, 1)
    ends_ = np.array([x.min(), x.max()])
    panel.plot(ends_, slope_ * ends_ + offset_, color=ORANGE)
    interval = "" if row["ci_low"] is None else f" [{row['ci_low']:+.2f}, {row['ci_high']:+.2f}]"
    panel.set(title=f"{name}: r = {r[name]:+.3f}{interval}", xlabel=f"projection at {row['site']}")
for panel in axes[:, 0]:
    panel.set_ylabel("activation")
for panel in axes.flat[len(shown):]:
    panel.set_axis_off()
figure.tight_layout()
plt.show()
figures = {"projections": figure}

# %% id=figure-correlation
figure, axes = plt.subplots(figsize=(1.1 + 0.8 * len(labels), 0.8 + 0.7 * len(labels)))
image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
axes.set_xticks(range(len(labels)), labels, rotation=35, ha="right")
axes.set_yticks(range(len(labels)), labels)
axes.grid(False)
for i in range(len(labels)):
    for j in range(len(labels)):
        axes.text(j, i, f"{matrix[i, j]:+.2f}", ha="center", va="center",
                  color="white" if abs(matrix[i, j]) > 0.6 else "black")
axes.set_title("Correlation of activation and projections, held-out texts")
figure.tight_layout()
plt.show()
figures["correlation"] = figure

# %% [markdown] id=summary-title
# ## Summary and saving

# %% id=summary
summary = {"run": read_json("run.json")["id"], "target": TARGET, "n_rows": n, "n_distinct": n_groups,
           "r": r, "log10_p": log_p, "cosines": cosines}
for name in sorted(shown, key=lambda key: -abs(r[key])):
    row = defined[name]
    known = row["ci_low"] is not None and not row["ci_low"] <= 0 <= row["ci_high"]
    print(f"{name:10} r {r[name]:+.3f}   " + ("moves with the activation" if known else
                                              "the interval holds 0: we cannot tell"))
if SAVE_TO is not None:
    folder = pathlib.Path(SAVE_TO)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "projection_analysis_results.json").write_text(json.dumps(summary, indent=2))
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
