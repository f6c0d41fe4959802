# SPDX-License-Identifier: Apache-2.0
# Cells of projection_analysis.ipynb up to the summary. Format: ../notebook.h.

# %% [markdown] id=title
# # Projections of the residual stream on {{n_directions}} directions
#
# {{execution_note}}
#
# **Question.** `{{target}}` has one number for each text: its *activation*. Along which direction of the
# residual stream does a *projection* move with that number: the head that reports it, what the neuron
# reads, what it writes, or the same write at the end of the model? And where it does not, why not?
#
# Run `{{run_id}}`, model `{{model}}`.

# %% [markdown] id=data-title
# ## Data loading
#
# One row for each text and position of the target. `part` says what a row is for: 0 train, 1 val,
# 2 test. Nothing that is scored below was fitted to test rows. Texts that nearly coincide are one group,
# and a group never stands in two parts.

# %% id=data-loading
study, about = read_safetensors(RUN / "{{study_file}}")
model = json.loads(about["model_config"])
projections = read_json("analysis/projections.json")
audit = read_json("analysis/audit.json")
prompts = [json.loads(line) for line in
           (RUN / "data/prompts.jsonl").read_text(encoding="utf-8").split("\n") if line]

TARGET = about["target"]
truth = study["activation"]
train, test = (np.flatnonzero(study["part"] == k) for k in (0, 2))
y = truth[test]
n, d = len(test), model["d_model"]
n_groups = len(set(study["group"][test]))

assert TARGET == projections["target"] == "{{target}}"
assert (n, n_groups) == (projections["n_rows"], projections["n_distinct"])
assert not set(study["group"][train]) & set(study["group"][test]), "a text group in two parts"
print(f"{len(truth)} rows: {len(train)} train, {n} test of {n_groups} text groups")

# %% id=data-examples
for row in test[np.argsort(y)[[0, n // 2, n - 1]]]:
    text = prompts[study["text"][row]]["text"]
    shown = "".join(c if c.isprintable() else "?" for c in text[:62])
    print(f"{truth[row]:+9.4f}  token {study['position'][row]:3d}  {shown}")

# %% id=data-distribution
figure, axes = plt.subplots(figsize=(6, 2.4))
bins = np.histogram_bin_edges(truth, 40)
axes.hist(truth[train], bins, color=GREY, alpha=0.6, label=f"train, {len(train)} rows")
axes.hist(y, bins, color=BLUE, alpha=0.8, label=f"test, {n} rows")
axes.set(xlabel=f"activation of {TARGET}", ylabel="rows", title="What there is to report")
axes.legend(frameon=False)
plt.show()

# %% [markdown] id=directions-title
# ## Directions
#
# A *direction* is a vector of d_model = {{d_model}} numbers with the site at which it is read. A scalar is
# never compared with a vector: the stream of a text, {{d_model}} numbers, is multiplied with the direction,
# number by number, and added up. That is one number for each text, the *projection*, and it is compared
# with the activation of the same text at the same position.
#
# {{site_table}}

# %% id=directions
defined = {row["name"]: row for row in projections["directions"] if row["site"]}
for name, row in defined.items():
    print(f"{name:10} {row['definition']}")
for row in projections["directions"]:
    if not row["site"]:
        print(f"{row['name']:10} does not exist: {row['why']}")

# %% id=directions-weights if=neuron
w_read, w_out = study["neuron.read"], study["neuron.write"]  # {{read_symbol}}, W_out[{{unit}}]
gamma, b_read = study["neuron.norm_weight"], study["neuron.read_bias"][0]
beta = study.get("neuron.norm_bias", np.zeros(d))            # RMSNorm has none
w_up = study.get("neuron.up_read")                           # only where the MLP is gated
w_head, b_head = study["head.weight"], study["head.bias"][0]

# %% id=directions-weights-stream if=stream
w_out = np.eye(d)[{{unit}}]  # a coordinate of the stream is written along a basis vector
w_head, b_head = study["head.weight"], study["head.bias"][0]

# %% [markdown] id=cosines-title
# **Cosines** compare weights without looking at a text. The head's weights `w` are a *filter*; what moves
# along with its report is the *pattern* `Σ w`, with Σ the covariance of the stream. Percentiles among the
# layer's other neurons need all weights of the model: they are read from the run, not recomputed.

# %% id=cosines
centre = (lambda v: v - v.mean()) if model["norm"] == "layer_norm" else (lambda v: v)
features = study["resid_final"][train] - study["resid_final"][train].mean(axis=0)
covariance = features.T @ features / (len(train) - 1)
shrinkage = max(projections["ridge"]["lambda"] / len(train), 1e-10 * np.trace(covariance) / d)
whitening = covariance + shrinkage * np.eye(d)


def cosine(a, b):
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / lengths) if lengths > 0 else 0.0


solved = np.linalg.solve(whitening, w_out)
lengths = math.sqrt((w_head @ whitening @ w_head) * max(w_out @ solved, 0.0))
cosines = {"head, output": cosine(centre(w_head), centre(w_out)),
           "head pattern, output": cosine(centre(covariance @ w_head), centre(w_out)),
           "head, output (whitened)": float(w_head @ w_out / lengths) if lengths > 0 else 0.0}

# %% id=cosines-read if=neuron
for name, w in (("input_gate", w_read), ("input_up", w_up)) if model["gated_mlp"] else (("input", w_read),):
    folded = centre(gamma * w)  # what the neuron reads of the stream before the norm
    cosines[f"head, {name}"] = cosine(centre(w_head), folded)
    cosines[f"{name}, output"] = cosine(folded, centre(w_out))

# %% [markdown] id=cosines-tolerance
# The error of a cosine is that of its vectors, relative to their length. Σ is a sum over the training
# rows; solving with it multiplies rounding by its condition number.

# %% id=cosines-compared
size = np.abs(features).T @ np.abs(features @ w_head) / (len(train) - 1)
pattern_error = 2 * (len(train) + d) * u * np.linalg.norm(size) / np.linalg.norm(covariance @ w_head)
condition = np.linalg.cond(whitening)
for row in projections["cosines"]:
    tolerance = {"head pattern, output": 2 * pattern_error + 8 * d * u,
                 "head, output (whitened)": 8 * (len(train) + d) * u * condition}
    compare(row["name"], cosines[row["name"]], row["value"], tolerance.get(row["name"], 8 * d * u))
    null = "no null" if row["null_sd"] is None else (
        f"others: sd {row['null_sd']:.3f}, |value| above {row['percentile']:.0f} % of {row['n_null']}")
    print(f"{row['name']:24} {row['value']:+.3f}   {null}")

# %% [markdown] id=hooks-title
# ## Running the texts through the model, with hooks
#
# The streams in the run's tensors were read by hooks during one forward pass over the texts. With the
# Python module `gnomon` and `MODEL` set above, the next cell runs the model again and compares; without
# them the stored tensors are used, and the cell says so.

# %% id=hooks
if gnomon is None or MODEL is None:
    print("Not run again: the tensors stored in the run are used below"
          + ("." if gnomon else " (the Python module gnomon is not installed)."))
else:
    some = test[:8]
    ids = [prompts[study["text"][row]]["token_ids"] for row in some]
    hook = TARGET.split("@")[0] + "@all"  # every token; the rows' own positions are taken below
    read = gnomon.capture(gnomon.Model.load(MODEL), ids, hook)[hook]
    value = dict(zip(zip(read.text, read.position), read.values[:, 0]))
    again = np.array([value[k, study["position"][row]] for k, row in enumerate(some)])
    print(f"{len(some)} texts run again: largest difference {np.abs(again - truth[some]).max():.1e}")
    # float32 in one order or another: 2^-24 for each of some thousand operations
    assert np.allclose(again, truth[some], rtol=1e-4, atol=1e-4)

# %% [markdown] id=norm-title if=neuron
# **The neuron, by hand.** A neuron does not read the residual stream: it reads the stream after attention,
# normalised. These lines are the model's own arithmetic, from `resid_mid` to the activation.

# %% id=norm if=neuron
def normed(stream):
    """ln2.hook_out of a stream [rows, d_model], and the sizes that its rounding is bounded by."""
    mean = stream.mean(axis=1, keepdims=True) if model["norm"] == "layer_norm" else 0.0
    scale = np.sqrt(((stream - mean) ** 2).mean(axis=1, keepdims=True) + model["norm_eps"])
    size = (np.abs(stream) + np.abs(mean)) / scale * np.abs(gamma) + np.abs(beta)
    return (stream - mean) / scale * gamma + beta, size


def act(x):
    """The model's activation function, {{activation}}."""
    if model["activation"] == "gelu_new":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    if model["activation"] == "gelu":
        return x / 2 * np.array([math.erfc(-value / math.sqrt(2)) for value in x])
    return x / (1 + np.exp(-x)) if model["activation"] == "silu" else np.maximum(x, 0)

# %% [markdown] id=identity-title if=neuron
# The author of the original study expected this product to agree with the neuron and found r = -0.49. The
# identity below is why it must agree, and a run in which it does not hold is refused. The forward pass
# rounds to {{precision}}, so that the stored activation differs from the double-precision one by that
# rounding at most.

# %% id=identity if=neuron
n2, n2_size = normed(study["resid_mid"])
rounding = {"float32": 2.0 ** -24, "float64": u}[about["precision"]]  # of the forward pass
gate = n2 @ w_read + b_read
gate_bound = 4 * (d + 8) * rounding * (n2_size @ np.abs(w_read) + abs(b_read))
if w_up is not None:  # a gated MLP: two products
    up, up_bound = n2 @ w_up, 4 * (d + 8) * rounding * (n2_size @ np.abs(w_up))

# %% id=identity-compared if=neuron
if "hook_pre_linear[" in TARGET:
    recomputed, bound = up, up_bound
elif "hook_pre[" in TARGET:
    recomputed, bound = gate, gate_bound
else:
    recomputed, bound = act(gate), 1.13 * gate_bound  # no slope of an activation function is above 1.13
    if w_up is not None:
        bound = bound * (np.abs(up) + up_bound) + np.abs(act(gate)) * up_bound
        recomputed = recomputed * up
bound = bound + 8 * rounding * (np.abs(truth) + np.abs(gate))
error = np.abs(recomputed - truth)
assert np.all(error <= bound), "the stored activation is not the neuron's"
print(f"activation from resid_mid: largest error {error.max():.1e}, "
      f"{(error / bound).max():.1%} of its rounding bound")
print(f"r of activation and recomputed activation: 1 - {1 - np.corrcoef(recomputed, truth)[0, 1]:.0e}")

# %% [markdown] id=projections-title
# ## Correlation analysis
#
# Every projection, at the site where its direction is defined. `Column` keeps a bound on the rounding of
# each row beside the values.

# %% id=projections
Column = namedtuple("Column", "value error")


def project(stream, w, bias=0.0, size=None):
    """stream · w + bias of each row, and how far two computations of it may be apart."""
    size = np.abs(stream) if size is None else size
    return Column(stream @ w + bias, 4 * (d + 8) * u * (size @ np.abs(w) + abs(bias)))


final = study["resid_final"]  # after the last block, before the model's final norm
columns = {"head": project(final, w_head, b_head)}
{{output_line}}
columns["final"] = project(final, w_out)

# %% id=projections-input if=neuron,plain
columns["input"] = project(n2, w_read, b_read, n2_size)  # this is hook_pre

# %% id=projections-input-gated if=neuron,gated
c_gate, c_up = study["mean_gradient"]  # means of silu'(g) u and of silu(g), over training rows
step = 1e-5
g = gate[train]
slope = (act(g + step) - act(g - step)) / (2 * step)
# The central difference divides rounding by its step.
compare("mean gradient: gate", float((slope * up[train]).mean()), c_gate,
        (16 * u / step + 64 * d * rounding) * np.abs(g * up[train]).max() + 64 * d * rounding)
compare("mean gradient: up", float(act(g).mean()), c_up, 64 * d * rounding * (1 + np.abs(g).max()))
reads = {"input": (w_read, b_read)} if "hook_pre[" in TARGET else {"input": (w_up, 0.0)}
if "hook_post" in TARGET:
    reads = {"input": (c_gate * w_read + c_up * w_up, c_gate * b_read),
             "input_gate": (w_read, b_read), "input_up": (w_up, 0.0)}
for name, (w, bias) in reads.items():
    columns[name] = project(n2, w, bias, n2_size)

# %% id=projections-rows
table = read_csv("analysis/projections.csv")
assert len(table) == len(truth) and set(defined) <= set(columns)
for name in defined:
    stored = np.array([float(row[name]) for row in table])
    excess = np.abs(columns[name].value - stored) - columns[name].error
    assert excess.max() <= 0, f"row {excess.argmax()} of {name} differs by more than rounding"
print(f"{len(table)} rows of {len(defined)} projections are those of analysis/projections.csv")

# %% [markdown] id=scores-title
# Pearson's r is the cosine of two centred columns. If each row of one may be off by $e_i$, the column turns
# by at most $\lVert e\rVert / \lVert x - \bar x\rVert$, and r changes by no more than that.

# %% id=scores
def pearson(x, y):
    """r of two columns; None where one is constant, to rounding."""
    if min(np.ptp(v) / max(np.abs(v).max(), 1e-300) for v in (x, y)) < 8 * u:
        return None
    a, b = x - x.mean(), y - y.mean()
    return float(a @ b / math.sqrt((a @ a) * (b @ b)))


def r_tolerance(x, error):
    return 2 * np.linalg.norm(error) / np.linalg.norm(x - x.mean()) + 16 * len(x) * u


def r2_identity(x, y):
    return 1 - ((y - x) ** 2).sum() / ((y - y.mean()) ** 2).sum()


def r2_tolerance(x, error, y):
    sse, sst = ((y - x) ** 2).sum(), ((y - y.mean()) ** 2).sum()
    e = np.linalg.norm(error)
    return (2 * math.sqrt(sse) * e + e * e + 16 * len(x) * u * (sse + sst)) / sst

# %% id=scores-compared
r, slack = {}, {}
for name, row in defined.items():
    x, error = (part[test] for part in columns[name])
    r[name], slack[name] = pearson(x, y), r_tolerance(x, error)
    compare(f"{name}: r", r[name], row["r"], slack[name])
    if r[name] is not None:
        compare(f"{name}: R²(fit)", r[name] ** 2, row["r2_fit"], 2 * slack[name] + 4 * u)
    compare(f"{name}: R²(identity)", r2_identity(x, y), row["r2_identity"], r2_tolerance(x, error, y))
    print(f"{name:10} r {r[name]:+.3f}   R²(identity) {row['r2_identity']:+.3f}"
          if r[name] is not None else f"{name:10} no r: the projection is constant")

# %% id=spearman
def ranks(x):
    """1 for the smallest; ties share their mean rank."""
    _, index, count = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[index.reshape(-1)]


for name, row in defined.items():
    x, error = (part[test] for part in columns[name])
    order = np.argsort(x)
    # Two rows closer than rounding may change places; each changes Spearman's by at most 12 / n(n+1).
    swaps = int((np.diff(x[order]) <= error[order][1:] + error[order][:-1]).sum())
    compare(f"{name}: Spearman", pearson(ranks(x), ranks(y)), row["spearman"],
            16 * n * u + 12 * swaps * swaps / (n * (n + 1)))

# %% id=correlation-matrix
correlation = read_json("analysis/correlation.json")
labels = correlation["labels"]
matrix = np.full((len(labels), len(labels)), np.nan)
for i, a in enumerate(labels):
    for j, b in enumerate(labels):
        x, z = (y if name == "activation" else columns[name].value[test] for name in (a, b))
        loose = sum(slack.get(name, 0.0) for name in (a, b)) + 16 * n * u
        value = pearson(x, z)
        compare(f"r of {a} and {b}", value, correlation["matrix"][i][j], loose)
        matrix[i, j] = np.nan if value is None else value
assert np.allclose(matrix, matrix.T, equal_nan=True)

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
# within 5 standard errors of that share, $5\sqrt{q(1-q)(1/B_1 + 1/B_2)}$ for $B_1$ and $B_2$ resamples.

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
