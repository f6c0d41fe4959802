# SPDX-License-Identifier: Apache-2.0
# Cells of projection_analysis.ipynb up to the correlations. Format: ../notebook.h.

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
# **The neuron, by hand.** A neuron does not read the residual stream: it reads the stream {{read_where}} attention,
# normalised. These lines are the model's own arithmetic, from `{{mlp_stream}}` to the activation.

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
n2, n2_size = normed(study["{{mlp_stream}}"])
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
print(f"activation from {{mlp_stream}}: largest error {error.max():.1e}, "
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
