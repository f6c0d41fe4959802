"""The library of Gnomon. Import gnomon, which has everything of it."""

from collections.abc import Callable, Iterator, Sequence
import os
import pathlib
from typing import Annotated, Any

import numpy
import numpy.typing
from numpy.typing import NDArray


def version_number() -> str:
    """That of the command: '0.1.0'."""

def set_threads(n: int) -> None:
    """Worker threads of all later calls; 0 is as many as the machine has."""

def threads() -> int:
    """Worker threads that calls use."""

def error_code_table() -> list[dict[str, str | int]]:
    """Every stable error code with its kind, exit status and meaning."""

class ModelConfig:
    """
    The sizes and switches of a model: everything in which families differ.
    """

    @property
    def architecture(self) -> str:
        """'gpt2' or 'llama'."""

    @property
    def n_layers(self) -> int: ...

    @property
    def d_model(self) -> int: ...

    @property
    def n_heads(self) -> int: ...

    @property
    def n_kv_heads(self) -> int: ...

    @property
    def d_head(self) -> int: ...

    @property
    def d_mlp(self) -> int: ...

    @property
    def d_vocab(self) -> int: ...

    @property
    def n_ctx(self) -> int:
        """The longest text, in tokens."""

    @property
    def norm_eps(self) -> float: ...

    @property
    def gated_mlp(self) -> bool: ...

    @property
    def tied_unembedding(self) -> bool: ...

    def __repr__(self) -> str: ...

class NamedSite:
    """
    A hook point of one layer, possibly one coordinate of it, at a position. str() is its name, which every function takes too.
    """

    @property
    def name(self) -> str:
        """'blocks.8.mlp.hook_post[481]@last'"""

    @property
    def hook(self) -> str:
        """The hook point's name: 'blocks.8.mlp.hook_post'."""

    @property
    def layer(self) -> int:
        """-1 where the hook point belongs to no block."""

    @property
    def coordinate(self) -> int | None:
        """Index into the row, or None; for head axes head * d_head + channel."""

    @property
    def position(self) -> str:
        """'@last', '@5', '@-2' or '@all'."""

    def __str__(self) -> str: ...

    def __repr__(self) -> str: ...

    def __hash__(self) -> int: ...

    def __eq__(self, other: object, /) -> bool: ...

class Target:
    """One number per token: the truth that a report is compared with."""

    @property
    def kind(self) -> str: ...

    @property
    def is_neuron(self) -> bool: ...

    @property
    def layer(self) -> int: ...

    @property
    def index(self) -> int:
        """The neuron, or the coordinate."""

def make_target(site: str | NamedSite, config: ModelConfig) -> Target:
    """
    The target at a site: a neuron, or a coordinate of the residual stream or of what is added to it. ArgumentError (E013) where the site holds neither.
    """

def parse_site(text: str, config: ModelConfig) -> NamedSite:
    """
    Reads a site as it is written, 'blocks.8.mlp.hook_post[481]@last'. Names of TransformerLens, Hugging Face modules and pyvene are understood; without a position it is @last. ArgumentError with the nearest name where the model has no such site.
    """

def hook_names(config: ModelConfig) -> list[str]:
    """
    Every hook point of the model, in the order in which the forward pass reaches them.
    """

def site_width(site: str | NamedSite, config: ModelConfig) -> int:
    """
    Numbers in one row of the site. ArgumentError (E013) for attention scores and patterns, which are as wide as the text is long.
    """

def axes_text(site: str | NamedSite, config: ModelConfig) -> str:
    """'[pos, d_model] = [pos, 768]'"""

def site_equation(site: str | NamedSite, config: ModelConfig) -> str:
    """How the forward pass computes the site."""

class ModelSource:
    """Where a model came from."""

    @property
    def name(self) -> str: ...

    @property
    def format(self) -> str:
        """'gguf' or 'safetensors'."""

    @property
    def files(self) -> list[str]: ...

    @property
    def n_parameters(self) -> int:
        """As stored; a tied unembedding counts once."""

    @property
    def weights(self) -> str:
        """'raw', as stored, or the steps of weight processing that were taken."""

    @property
    def n_by_dtype(self) -> dict[str, int]: ...

    def __repr__(self) -> str: ...

class TextSpan:
    """Bytes [first, last) of a text."""

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...

    def __repr__(self) -> str: ...

class Encoding:
    """Token ids with the bytes that each stands for."""

    @property
    def ids(self) -> list[int]: ...

    @property
    def spans(self) -> list[TextSpan]: ...

    @property
    def n_dropped_bytes(self) -> int:
        """
        Bytes for which the vocabulary has neither a piece nor an unknown token.
        """

    def __repr__(self) -> str: ...

class Tokenizer:
    """
    Byte-pair encoding, byte-level or with byte fallback, with the ids of Hugging Face tokenizers. No token is ever added to a text.
    """

    def encode(self, text: str | bytes) -> list[int]:
        """Token ids of a text."""

    def encode_with_offsets(self, text: str | bytes) -> Encoding:
        """Token ids with the bytes that each stands for."""

    def decode(self, ids: numpy.typing.ArrayLike, errors: str = 'strict') -> str:
        """
        The text of token ids. Tokens may hold a part of a character, so that their bytes need not be UTF-8: `errors` is bytes.decode's.
        """

    def decode_bytes(self, ids: numpy.typing.ArrayLike) -> bytes:
        """The bytes of token ids."""

    def piece(self, id: int) -> str:
        """
        The token as the vocabulary has it; a space is 'Ġ' in the byte-level alphabet, '▁' in SentencePiece's.
        """

    def find(self, piece: str) -> int | None:
        """The id of a piece, or None."""

    def is_special(self, id: int) -> bool: ...

    @property
    def d_vocab(self) -> int: ...

    @property
    def bos(self) -> int | None: ...

    @property
    def eos(self) -> int | None: ...

class Model:
    """
    A model file or folder, mapped: loading reads headers only. Weights are decoded when a run first needs them. Safe to use from several threads.
    """

    @staticmethod
    def load(model: str, weights: str = 'raw') -> Model:
        """
        A Hugging Face folder, a GGUF file, or a name: 'gnomon-books', which comes with Gnomon, a model in the cache of `gnomon model fetch`, or ORG/NAME[@REV] in the Hugging Face cache. `weights`: 'raw', as stored; 'transformerlens', the steps that TransformerLens takes by default; or fold_ln, center_writing_weights, center_unembed, fold_value_biases with commas between them. The model predicts the same.
        """

    @property
    def config(self) -> ModelConfig: ...

    @property
    def source(self) -> ModelSource: ...

    @property
    def has_tokenizer(self) -> bool: ...

    @property
    def tokenizer(self) -> Tokenizer:
        """FileError where the model's folder has none."""

    def weights(self, precision: str = 'float32') -> Weights:
        """The weights as read-only arrays."""

    def sha256(self) -> str:
        """Of the model's files, in hexadecimal."""

    def __repr__(self) -> str: ...

class BlockWeights:
    """
    The weights of one block, each as (weight, bias); a bias that the family lacks is None. Read-only arrays in the memory of the model (of GPT-NeoX's queries, keys and values copies). Projections are [n_in, n_out] in every family: y = x @ weight + bias.
    """

    @property
    def ln_1(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]: ...

    @property
    def q_proj(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]: ...

    @property
    def k_proj(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]: ...

    @property
    def v_proj(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]: ...

    @property
    def o_proj(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]: ...

    @property
    def ln_2(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]: ...

    @property
    def up_proj(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]:
        """W_in of TransformerLens, GPT-2's c_fc."""

    @property
    def gate_proj(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None] | None:
        """None unless the MLP is gated."""

    @property
    def down_proj(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]:
        """
        W_out of TransformerLens, GPT-2's mlp.c_proj: row n is what neuron n writes.
        """

class Weights:
    """
    The weights of a model as read-only arrays that share the model's memory; float32 tensors of a file stand where it is mapped. They keep the model alive.
    """

    @property
    def wte(self, /) -> numpy.typing.NDArray[numpy.float32 | numpy.float64]:
        """Token embeddings [d_vocab, d_model]."""

    @property
    def wpe(self, /) -> numpy.typing.NDArray[numpy.float32 | numpy.float64]:
        """
        Position embeddings [n_ctx, d_model]; no rows unless positions are learned.
        """

    @property
    def unembed(self, /) -> numpy.typing.NDArray[numpy.float32 | numpy.float64]:
        """W_U [d_model, d_vocab]."""

    @property
    def ln_f(self, /) -> tuple[numpy.typing.NDArray[numpy.float32 | numpy.float64], numpy.typing.NDArray[numpy.float32 | numpy.float64] | None]:
        """The last norm's (weight, bias)."""

    def block(self, layer: int) -> BlockWeights:
        """The weights of one block."""

class NeuronWeights:
    """
    The weights of the MLP around one neuron, in double: pre = ln2_out · read + read_bias (gated: read is the gate's column), up = ln2_out · up_read, and it writes `write`.
    """

    @property
    def read(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def read_bias(self) -> float: ...

    @property
    def up_read(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """Empty unless gated."""

    @property
    def write(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """W_out[n]."""

    @property
    def output_bias(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    @property
    def norm_weight(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """Of ln2."""

    @property
    def norm_bias(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]: ...

    def __repr__(self) -> str: ...

def neuron_weights(model: Model, layer: int, neuron: int) -> NeuronWeights:
    """
    What one neuron reads from the norm's output and writes to the residual stream.
    """

def direction_to_processed(model: Model, site: str | NamedSite, weight: numpy.typing.ArrayLike, bias: float = 0.0, *, weights: str = 'transformerlens') -> tuple[numpy.typing.NDArray[numpy.float64], float]:
    """
    The (weight, bias) that reads on the model with processed weights what weight · x + bias reads at the site of the model as stored. ArgumentError where processing takes away what the direction reads.
    """

def direction_to_raw(model: Model, site: str | NamedSite, weight: numpy.typing.ArrayLike, bias: float = 0.0, *, weights: str = 'transformerlens') -> tuple[numpy.typing.NDArray[numpy.float64], float]:
    """
    The (weight, bias) that reads on the model as stored what weight · x + bias reads at the site of the model with processed weights, such as a probe from TransformerLens.
    """

class Activations:
    """
    The numbers read at one site. Row r belongs to token position[r] of text text[r]; rows are in the order of texts, then tokens.
    """

    @property
    def name(self) -> str:
        """'blocks.8.mlp.hook_post[481]@last'"""

    @property
    def gradient(self) -> bool:
        """Whether these are derivatives with respect to the site's numbers."""

    @property
    def text(self, /) -> numpy.typing.NDArray[numpy.int64]: ...

    @property
    def position(self, /) -> numpy.typing.NDArray[numpy.int64]: ...

    @property
    def values(self, /) -> numpy.typing.NDArray[numpy.float32 | numpy.float64]:
        """
        [n_row, width], or [n_row, 1] for a single coordinate, in the library's memory.
        """

    @property
    def by_text(self, /) -> list[numpy.typing.NDArray[numpy.float32 | numpy.float64]]:
        """
        Attention scores and patterns: [head, q_pos, k_pos] of each text, in place of `values`.
        """

    @property
    def n_row(self) -> int: ...

    def __len__(self) -> int: ...

    def __array__(self, dtype: numpy.typing.DTypeLike | None = None, copy: bool | None = None) -> numpy.typing.NDArray[Any]: ...

    def __dlpack__(self, **kwargs: Any) -> Any: ...

    def __dlpack_device__(self) -> tuple[int, int]: ...

    def __repr__(self) -> str: ...

class EditEffect:
    """What an edit did."""

    @property
    def n_row(self) -> int:
        """Rows at the named positions."""

    @property
    def n_changed(self) -> int:
        """Numbers whose bits changed."""

    @property
    def largest_change(self) -> float: ...

    def __repr__(self) -> str: ...

class CaptureResult:
    """
    What a run gave. A mapping from names of sites to Activations, in the order in which they were asked for.
    """

    @property
    def activations(self) -> list[Activations]: ...

    @property
    def effects(self) -> list[EditEffect]:
        """What each edit did."""

    def __len__(self) -> int: ...

    def keys(self) -> list[str]: ...

    def __iter__(self) -> Iterator[str]: ...

    def __getitem__(self, site: str | NamedSite, /) -> Activations: ...

    def __repr__(self) -> str: ...

class EditedRows:
    """
    Which rows a function that edits was given: token position[i] of text text[i], counted among all texts of the run.
    """

    @property
    def name(self) -> str:
        """The site at its position."""

    @property
    def text(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def position(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def n_head(self) -> int:
        """Above 1 at attention scores and patterns only."""

class Edit:
    """
    A change of one site during a run. With a coordinate it touches that number alone, else the whole row; at attention scores and patterns the keys that the query may see. A run in which an edit changes no number raises CheckError unless the edit may_change_nothing.
    """

    @property
    def mode(self) -> str: ...

    @property
    def at(self) -> object: ...

    @property
    def values(self) -> list[float]: ...

    @property
    def may_change_nothing(self) -> bool: ...

    @may_change_nothing.setter
    def may_change_nothing(self, arg: bool, /) -> None: ...

    def __repr__(self) -> str: ...

    @staticmethod
    def set(at: str | NamedSite, values: numpy.typing.ArrayLike, *, may_change_nothing: bool = False) -> Edit:
        """x = value: one number, or one for each of the row."""

    @staticmethod
    def add(at: str | NamedSite, values: numpy.typing.ArrayLike, *, may_change_nothing: bool = False) -> Edit:
        """x = x + value."""

    @staticmethod
    def scale(at: str | NamedSite, values: numpy.typing.ArrayLike, *, may_change_nothing: bool = False) -> Edit:
        """x = x value."""

    @staticmethod
    def zero(at: str | NamedSite, *, may_change_nothing: bool = False) -> Edit:
        """x = 0."""

    @staticmethod
    def replace(at: str | NamedSite, stored: Activations, *, may_change_nothing: bool = False) -> Edit:
        """
        x = the stored value of the same text and token, of a run of the same precision.
        """

    @staticmethod
    def call(at: str | NamedSite, function: Callable[[numpy.typing.NDArray[Any], EditedRows], numpy.typing.ArrayLike | None], *, may_change_nothing: bool = False) -> Edit:
        """
        x = function(values, rows): values is [row, width] of one batch, or [head, query, key] of one text at attention scores and patterns. The function changes it in place or returns an array of the same shape. What it raises, the run raises.
        """

class Patch:
    """
    One change of one text's run, and the token at which its effect is read.
    """

    def __init__(self, text: int, site: str | NamedSite, position: int, read_position: int, values: numpy.typing.ArrayLike, mode: str = 'set') -> None: ...

class PatchEffect:
    """What one patch did at its site."""

    @property
    def old_value(self) -> float: ...

    @property
    def new_value(self) -> float: ...

    @property
    def largest_change(self) -> float: ...

    @property
    def change_norm(self) -> float: ...

    @property
    def reaches(self) -> bool:
        """Whether the read-out can depend on it."""

    def __repr__(self) -> str: ...

class PatchResult:
    """The read-outs of changed runs."""

    @property
    def values(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), writable=False)]:
        """[n_patch, n_column] of the changed run."""

    @property
    def clean(self) -> Annotated[NDArray[numpy.float32], dict(shape=(None, None), writable=False)]:
        """[n_read, n_column] of the unchanged one."""

    @property
    def clean_row(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]:
        """Row of `clean` for each patch."""

    @property
    def effects(self) -> list[PatchEffect]: ...

    def __repr__(self) -> str: ...

def run_patches(model: Model, texts: Sequence[str | bytes] | Sequence[Sequence[int]], patches: Sequence[Patch], read_out: str | NamedSite, *, columns: Sequence[int] = [], backend: str = 'packed', progress: object | None = None) -> PatchResult:
    """
    Every patch on its own, in the unchanged run otherwise; what a change cannot reach is not computed. `read_out` is a site without a coordinate, of which `columns` are read (all where empty), at each patch's read_position.
    """

def capture(model: Model, texts: Sequence[str | bytes] | Sequence[Sequence[int]], sites: str | NamedSite | Sequence[str | NamedSite], edits: Sequence[Edit] = [], *, precision: str = 'float32', backend: str = 'packed', batch_tokens: int = 1024, progress: object | None = None) -> CaptureResult:
    """
    Runs every text through the model and returns exactly the sites, coordinates and positions asked for. There is no padding and nothing is cut: a position that a text does not have is an error. The work ends at the last of the sites. `progress` is True for a line on sys.stderr, or a function of (tokens done, all tokens).
    """

def capture_gradients(model: Model, texts: Sequence[str | bytes] | Sequence[Sequence[int]], sites: str | NamedSite | Sequence[str | NamedSite], of: str | NamedSite | None = None, *, precision: str = 'float32', backend: str = 'packed', batch_tokens: int = 1024, progress: object | None = None) -> CaptureResult:
    """
    d quantity / d site of each text alone. The quantity is the sum of the coordinate `of` over its positions, or, without `of`, the text's mean next-token loss in nats.
    """

class LanguageModelLoss:
    """Next-token loss."""

    @property
    def sum(self) -> float:
        """In nats."""

    @property
    def n_token(self) -> int:
        """Predicted tokens."""

    @property
    def mean(self) -> float:
        """Nats a token."""

    def __repr__(self) -> str: ...

def language_model_loss(model: Model, texts: Sequence[str | bytes] | Sequence[Sequence[int]], *, precision: str = 'float32', backend: str = 'packed', batch_tokens: int = 1024, progress: object | None = None) -> LanguageModelLoss:
    """
    The language model's loss of all texts; one of one token has nothing to predict.
    """

class SiteMoments:
    """
    Moments of every number of a site over the tokens asked for. Arrays have one value for each number of the site's row, NaN where there are too few tokens.
    """

    @property
    def name(self) -> str:
        """'blocks.8.hook_resid_post@all'"""

    @property
    def n(self) -> int:
        """Tokens."""

    def merged(self, other: SiteMoments) -> SiteMoments:
        """Of the tokens of both. ArgumentError for another site."""

    def __repr__(self) -> str: ...

    @property
    def mean(self, /) -> numpy.typing.NDArray[numpy.float64]: ...

    @property
    def sd(self, /) -> numpy.typing.NDArray[numpy.float64]:
        """Divides by n - 1."""

    @property
    def skewness(self, /) -> numpy.typing.NDArray[numpy.float64]:
        """m3 / m2^(3/2), whose moments divide by n."""

    @property
    def min(self, /) -> numpy.typing.NDArray[numpy.float64]: ...

    @property
    def max(self, /) -> numpy.typing.NDArray[numpy.float64]: ...

    @property
    def share_positive(self, /) -> numpy.typing.NDArray[numpy.float64]:
        """Of tokens whose number is above 0."""

def capture_moments(model: Model, texts: Sequence[str | bytes] | Sequence[Sequence[int]], sites: str | NamedSite | Sequence[str | NamedSite], *, precision: str = 'float32', backend: str = 'packed', batch_tokens: int = 1024, progress: object | None = None) -> list[SiteMoments]:
    """
    Mean, spread and range of what capture returns, of any number of texts: no activation is kept. Attention scores and patterns, whose rows are as wide as their text, have none.
    """

class Interval:
    """A two-sided interval; level is its nominal coverage."""

    @property
    def ci_low(self) -> float: ...

    @property
    def ci_high(self) -> float: ...

    @property
    def level(self) -> float: ...

    def __repr__(self) -> str: ...

class Correlation:
    """
    A correlation coefficient, or why there is none. For an interval see bootstrap_correlations, for p correlation_test.
    """

    @property
    def n(self) -> int:
        """Rows."""

    @property
    def r(self) -> float | None:
        """In [-1, 1], or None."""

    @property
    def why_undefined(self) -> str: ...

    def __repr__(self) -> str: ...

class CorrelationTest:
    """Two-sided test of zero correlation."""

    @property
    def p_value(self) -> float:
        """Never 0."""

    @property
    def log10_p(self) -> float:
        """Holds where p_value would underflow."""

    @property
    def p_value_is_bound(self) -> bool: ...

    @property
    def log10_p_is_bound(self) -> bool: ...

    def __repr__(self) -> str: ...

class CorrelationMatrix:
    """Pearson's r of every pair of columns."""

    @property
    def n(self) -> int: ...

    @property
    def n_column(self) -> int: ...

    def at(self, i: int, j: int) -> float | None:
        """r, or None."""

    def __repr__(self) -> str: ...

def pearson(x: numpy.typing.ArrayLike, y: numpy.typing.ArrayLike) -> Correlation:
    """
    Pearson's r, right to a few eps also near 1 and where the mean is far from 0. Undefined for fewer than 2 rows and for a constant column.
    """

def spearman(x: numpy.typing.ArrayLike, y: numpy.typing.ArrayLike) -> Correlation:
    """Spearman's rank correlation."""

def correlation_test(r: float, n_effective: float) -> CorrelationTest:
    """
    P(|R| >= |r|) where the columns are unrelated, exact where one is normal given the other and rows are independent. For grouped rows give the number of groups.
    """

def fisher_interval(r: float, n_effective: float, level: float = 0.95) -> Interval:
    """Fisher's interval, which assumes independent bivariate normal rows."""

def correlation_matrix(columns: Sequence[numpy.typing.ArrayLike]) -> CorrelationMatrix:
    """Pearson's r of every pair of columns, all of the same rows."""

def wasserstein1(a: numpy.typing.ArrayLike, b: numpy.typing.ArrayLike) -> float:
    """Earth mover's distance of two samples, in their unit."""

def kolmogorov_smirnov(a: numpy.typing.ArrayLike, b: numpy.typing.ArrayLike) -> float:
    """sup |F_a - F_b|, from 0 to 1."""

def holm(p: numpy.typing.ArrayLike) -> numpy.typing.NDArray[numpy.float64]:
    """p-values adjusted by Holm's method, in the order given."""

def benjamini_hochberg(p: numpy.typing.ArrayLike) -> numpy.typing.NDArray[numpy.float64]:
    """p-values adjusted for the false discovery rate, in the order given."""

class Split:
    """The part of every row; whole groups stand in one part."""

    def rows(self, part: str) -> numpy.typing.NDArray[numpy.int64]:
        """Row numbers of 'train', 'val' or 'test', ascending."""

    @property
    def n_rows(self) -> list[int]: ...

    @property
    def n_groups(self) -> list[int]: ...

def split_by_group(groups: numpy.typing.ArrayLike, fractions: Sequence[float] = [0.7, 0.15, 0.15], seed: int = 0) -> Split:
    """
    Deals whole groups to train, val and test, so that no text of one part is in another.
    """

class BootstrapInterval:
    """A percentile interval under resampling of whole groups."""

    @property
    def estimate(self) -> float | None:
        """Of the rows themselves, or None."""

    @property
    def interval(self) -> Interval | None: ...

    @property
    def n(self) -> int:
        """Rows."""

    @property
    def n_group(self) -> int: ...

    @property
    def n_bootstrap(self) -> int: ...

    @property
    def n_undefined(self) -> int: ...

    @property
    def why_undefined(self) -> str: ...

    def __repr__(self) -> str: ...

def cluster_bootstrap(groups: numpy.typing.ArrayLike, statistic: Callable[[numpy.typing.NDArray[numpy.int64]], float | None], *, n_bootstrap: int = 2000, level: float = 0.95, seed: int = 0) -> BootstrapInterval:
    """
    Interval of any statistic of rows: it gets the row numbers of a resample, repeated as often as drawn, and returns a number, or None where it is undefined.
    """

def bootstrap_correlations(columns: Sequence[numpy.typing.ArrayLike], truth: numpy.typing.ArrayLike, groups: numpy.typing.ArrayLike, *, n_bootstrap: int = 2000, level: float = 0.95, seed: int = 0) -> list[BootstrapInterval]:
    """
    Pearson's r of each column with `truth`, with its interval, all from the same resamples.
    """

def bootstrap_correlation_difference(a: numpy.typing.ArrayLike, b: numpy.typing.ArrayLike, truth: numpy.typing.ArrayLike, groups: numpy.typing.ArrayLike, *, n_bootstrap: int = 2000, level: float = 0.95, seed: int = 0) -> BootstrapInterval:
    """r(a, truth) - r(b, truth) on the same rows and resamples."""

class PermutationTest:
    """Two-sided test that two columns are unrelated."""

    @property
    def p_value(self) -> float:
        """Never 0."""

    @property
    def statistic(self) -> float: ...

    @property
    def n_permutation(self) -> int: ...

    @property
    def n_as_extreme(self) -> int: ...

    @property
    def n(self) -> int: ...

    @property
    def n_group(self) -> int: ...

    @property
    def unit(self) -> str: ...

    @property
    def why_undefined(self) -> str: ...

    def __repr__(self) -> str: ...

def permutation_test(x: numpy.typing.ArrayLike, y: numpy.typing.ArrayLike, groups: numpy.typing.ArrayLike, *, n_permutation: int = 10000, seed: int = 0) -> PermutationTest:
    """
    Whether x and y are unrelated, by permuting y against x in whole groups.
    """

def permutation_p_value(null_statistics: numpy.typing.ArrayLike, observed: float) -> float:
    """(n_extreme + 1) / (n_permutation + 1), one-sided."""

class SimpleRegression:
    """The least-squares line of y on x."""

    @property
    def n(self) -> int: ...

    @property
    def slope(self) -> float | None: ...

    @property
    def intercept(self) -> float | None: ...

    @property
    def r2_fit(self) -> float | None: ...

    @property
    def slope_se(self) -> float | None: ...

    @property
    def intercept_se(self) -> float | None: ...

    @property
    def residual_sd(self) -> float | None: ...

    @property
    def why_undefined(self) -> str: ...

    def __repr__(self) -> str: ...

def ols(x: numpy.typing.ArrayLike, y: numpy.typing.ArrayLike) -> SimpleRegression:
    """
    The least-squares line; standard errors assume independent rows of equal variance.
    """

def r2_fit(x: numpy.typing.ArrayLike, y: numpy.typing.ArrayLike) -> float | None:
    """
    r²: the share of the variance of y that the best line through x accounts for.
    """

def r2_identity(prediction: numpy.typing.ArrayLike, truth: numpy.typing.ArrayLike) -> float | None:
    """1 - SSE / SST of the prediction as it stands, nothing refitted."""

class ReportScore:
    """Reports against the truth, both in its unit."""

    @property
    def n(self) -> int: ...

    @property
    def n_group(self) -> int: ...

    @property
    def r(self) -> float | None: ...

    @property
    def r_interval(self) -> Interval | None: ...

    @property
    def p(self) -> float | None: ...

    @property
    def log10_p(self) -> float | None: ...

    @property
    def r2_fit(self) -> float | None: ...

    @property
    def r2_identity(self) -> float | None: ...

    @property
    def r2_identity_interval(self) -> Interval | None: ...

    @property
    def mean_absolute_error(self) -> float: ...

    @property
    def root_mean_square_error(self) -> float: ...

    @property
    def mean_error(self) -> float:
        """report - truth"""

    @property
    def slope(self) -> float | None:
        """Of the truth on the report: 1 where calibrated."""

    @property
    def slope_interval(self) -> Interval | None: ...

    @property
    def intercept(self) -> float | None: ...

    @property
    def spearman(self) -> float | None: ...

    @property
    def why(self) -> str:
        """Why something is absent."""

    def __repr__(self) -> str: ...

def score_reports(report: numpy.typing.ArrayLike, truth: numpy.typing.ArrayLike, groups: numpy.typing.ArrayLike, *, n_bootstrap: int = 2000, level: float = 0.95, seed: int = 0) -> ReportScore:
    """
    How good reports are as they stand, with cluster-bootstrap intervals over the groups.
    """

class RidgeFit:
    """The minimum of Σ (y - x·weight - bias)² + lambda |weight|²."""

    @property
    def weight(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """[d], in the units of the features as given."""

    @property
    def bias(self) -> float: ...

    @property
    def penalty(self) -> float:
        """lambda, which is a keyword here."""

    @property
    def n(self) -> int: ...

    @property
    def degrees_of_freedom(self) -> float: ...

    @property
    def r2_train(self) -> float | None:
        """R²(identity) on the rows fitted."""

    def predict(self, features: numpy.typing.ArrayLike) -> numpy.typing.NDArray[numpy.float64]:
        """Of rows of features [n, d]."""

    def __repr__(self) -> str: ...

class RidgeCv:
    """Ridge with lambda selected by cross-validation by group."""

    @property
    def fit(self) -> RidgeFit:
        """On all rows, with the selected lambda."""

    @property
    def lambdas(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """Those tried, ascending."""

    @property
    def selected(self) -> int: ...

    @property
    def at_edge(self) -> bool:
        """The best lambda may lie outside those tried."""

    @property
    def held_out_prediction(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """Each row by the fit that did not see its group."""

    @property
    def cv_r2(self) -> float | None:
        """R²(identity) of held_out_prediction."""

    def __repr__(self) -> str: ...

def fit_ridge(x: numpy.typing.ArrayLike, y: numpy.typing.ArrayLike, penalty: float, scaling: str = 'none') -> RidgeFit:
    """
    Ridge regression in closed form; penalty 0 is least squares of minimum norm.
    """

def fit_ridge_cross_validated(x: numpy.typing.ArrayLike, y: numpy.typing.ArrayLike, groups: numpy.typing.ArrayLike, *, n_lambda: int = 25, n_fold: int = 5, seed: int = 0, scaling: str = 'none') -> RidgeCv:
    """
    The linear ceiling: how much of y any linear read-out of the rows x can tell, with lambda selected on whole groups that the fit did not see.
    """

class TextRecord:
    """One text and where it came from."""

    def __init__(self, text: str | bytes, source: str = 'python', template_id: str = '', group: str = '') -> None: ...

    @property
    def text(self, /) -> str:
        """Bytes that are not UTF-8 as surrogate escapes."""

    @property
    def source(self) -> str:
        """'news.txt:12', or 'builtin:scenes'."""

    @property
    def template_id(self) -> str: ...

    @property
    def group(self) -> str:
        """What the corpus says belongs together."""

    def __repr__(self) -> str: ...

def read_texts(texts: str, seed: int = 0) -> list[TextRecord]:
    """
    Texts as --texts names them: a file with one text a line, .csv or .jsonl with a field 'text', or the generator 'builtin:scenes:1000'.
    """

class StudyTexts:
    """Texts tokenised, in groups, and dealt to train, val and test by group."""

    @property
    def records(self) -> list[TextRecord]: ...

    @property
    def ids(self) -> list[list[int]]:
        """Token ids of each text."""

    @property
    def n_text(self) -> int: ...

    @property
    def group(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def part(self) -> list[str]: ...

    @property
    def excluded(self) -> list[str]:
        """Texts that the model cannot read whole, and why."""

    def __len__(self) -> int: ...

def prepare_texts(model: Model, texts: Sequence[str | bytes | TextRecord], seed: int = 0) -> StudyTexts:
    """
    Tokenises, groups and splits. Texts that are the same after normalisation, or of one template or declared group, stand in one part. Nothing is cut or padded.
    """

class StudyData:
    """
    One row for each text and position of the target: the activation and the streams around it, as the forward pass gave them. Arrays are read-only and share the study's memory.
    """

    @property
    def text(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]:
        """Index into StudyTexts."""

    @property
    def position(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def group(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def activation(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """Of the target."""

    @property
    def resid_pre(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None), writable=False)]:
        """Of the target's block, [n_row, d_model]."""

    @property
    def resid_mid(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None), writable=False)]:
        """Empty where attention and MLP stand side by side."""

    @property
    def attn_out(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None), writable=False)]:
        """Where they do, hook_attn_out; else empty."""

    @property
    def resid_post(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None), writable=False)]: ...

    @property
    def resid_final(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None), writable=False)]:
        """After the last block."""

    @property
    def target(self) -> Target: ...

    @property
    def n_row(self) -> int: ...

    def rows_of(self, part: str) -> numpy.typing.NDArray[numpy.int64]:
        """Row numbers of 'train', 'val' or 'test'."""

    def __repr__(self) -> str: ...

def measure_study(model: Model, target: Target, texts: StudyTexts, *, precision: str = 'float32', progress: object | None = None) -> StudyData:
    """
    Runs the texts through the model once and keeps what projections and ladders need.
    """

class NullRank:
    """Where |r| falls among directions without meaning."""

    @property
    def percentile(self) -> float:
        """0 to 100."""

    @property
    def abs_r_upper(self) -> float:
        """97.5 % of them stay below."""

    @property
    def n(self) -> int: ...

    def __repr__(self) -> str: ...

class DirectionResult:
    """
    One direction, projected on the stream at its site, against the activation of the held-out rows.
    """

    @property
    def name(self) -> str:
        """head, input, input_gate, input_up, output, final"""

    @property
    def site(self) -> str: ...

    @property
    def definition(self) -> str: ...

    @property
    def why(self) -> str:
        """Why the direction does not exist for this target."""

    @property
    def r(self) -> float | None: ...

    @property
    def interval(self) -> Interval | None:
        """Cluster bootstrap over text groups."""

    @property
    def r2_fit(self) -> float | None: ...

    @property
    def r2_identity(self) -> float | None: ...

    @property
    def p(self) -> float | None: ...

    @property
    def p_holm(self) -> float | None: ...

    @property
    def spearman(self) -> float | None: ...

    @property
    def random_directions(self) -> NullRank | None: ...

    @property
    def other_neurons(self) -> NullRank | None: ...

    @property
    def bias(self) -> float: ...

    @property
    def weight(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """[d_model]"""

    @property
    def projection(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None,), writable=False)]:
        """Of every row of the study."""

    def __repr__(self) -> str: ...

class BaselineResult:
    """A prediction of the activation that looks at next to nothing."""

    @property
    def name(self) -> str: ...

    @property
    def definition(self) -> str: ...

    @property
    def r(self) -> float | None: ...

    @property
    def r2_identity(self) -> float | None: ...

    @property
    def why(self) -> str: ...

    def __repr__(self) -> str: ...

class ProjectionAnalysis:
    """
    The directions against the true activation, with nulls and baselines. str() is the table of the command.
    """

    @property
    def n_row(self) -> int:
        """Held-out rows."""

    @property
    def n_distinct(self) -> int:
        """Text groups among them."""

    @property
    def directions(self) -> list[DirectionResult]: ...

    @property
    def baselines(self) -> list[BaselineResult]: ...

    @property
    def ridge(self) -> RidgeCv:
        """The head, fitted on training rows."""

    def __getitem__(self, name: str) -> DirectionResult: ...

    def __str__(self) -> str: ...

def analyse_projections(data: StudyData, model: Model, *, seed: int = 0, n_bootstrap: int = 2000, level: float = 0.95) -> ProjectionAnalysis:
    """
    Projections of the stream on a fitted head, what the target reads and what it writes, against its activation on the held-out rows.
    """

class Rung:
    """What one operation does to the correlation."""

    @property
    def name(self) -> str: ...

    @property
    def quantity(self) -> str: ...

    @property
    def r(self) -> float | None: ...

    @property
    def interval(self) -> Interval | None: ...

    @property
    def delta(self) -> float | None: ...

    @property
    def exact_zero(self) -> bool:
        """It cannot change r, by algebra."""

    @property
    def shapley(self) -> float | None: ...

    def __repr__(self) -> str: ...

class Ladder:
    """Why the correlation is not 1, operation by operation."""

    @property
    def direction(self) -> str: ...

    @property
    def starts_at(self) -> str: ...

    @property
    def one_minus_r(self) -> float | None:
        """Of the last rung."""

    @property
    def tolerance(self) -> float: ...

    @property
    def closes(self) -> bool: ...

    @property
    def rungs(self) -> list[Rung]: ...

    def __str__(self) -> str: ...

    def __repr__(self) -> str: ...

def audit_ladders(data: StudyData, analysis: ProjectionAnalysis, seed: int = 0) -> list[Ladder]:
    """The ladder of every direction that is defined for the study's target."""

class CheckResult:
    """One identity: the largest error, and its bound."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def status(self) -> str:
        """'pass', 'fail' or 'skip'."""

    @property
    def value(self) -> float | None: ...

    @property
    def tolerance(self) -> float | None: ...

    @property
    def why(self) -> str: ...

    def __repr__(self) -> str: ...

def check_identities(model: Model, target: Target, texts: Sequence[str | bytes] | Sequence[Sequence[int]], *, precision: str = 'float32') -> list[CheckResult]:
    """
    Every identity that the reported numbers rest on, measured on the texts: every token, every neuron of the target's block.
    """

class SafetensorsFile:
    """
    A safetensors file, mapped: a mapping from names to read-only arrays that cost no copy.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None: ...

    @property
    def path(self) -> pathlib.Path: ...

    @property
    def metadata(self, /) -> dict[str, str]: ...

    def keys(self) -> list[str]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[str]: ...

    def __contains__(self, arg: str, /) -> bool: ...

    def __getitem__(self, name: str, /) -> numpy.typing.NDArray[Any]: ...

class StoredRun:
    """A run directory, as it was read."""

    @property
    def path(self) -> pathlib.Path: ...

    @property
    def being_written(self) -> bool: ...

    @property
    def manifest(self, /) -> dict[str, Any]:
        """run.json"""

    def file(self, relative: str) -> pathlib.Path:
        """
        The place of a file that the run lists; NotFoundError where it lists no such file.
        """

    def read_json(self, relative: str) -> Any:
        """FileError also where the content is not the one that was written."""

    def configuration(self) -> dict[str, Any]:
        """Every setting of the run, by its key."""

def open_run(run: str, runs_dir: str = 'runs') -> StoredRun:
    """
    A run by its path, '@last', or the beginning of its folder's name or its id.
    """

def run_experiment(config: str, set: Sequence[str], out: str, runs_dir: str, analyses: bool, progress: object | None) -> pathlib.Path:
    """For gnomon.run and gnomon.train, which say what it does."""

def run_command(arguments: Sequence[str], progress: object | None) -> str:
    """For gnomon.command, which says what it does."""

def run_program(arguments: Sequence[str]) -> int:
    """The command `gnomon` on this process's streams: its exit status."""

class EpochRecord:
    """One epoch of a training; 0 is before the first update."""

    @property
    def epoch(self) -> int: ...

    @property
    def step(self) -> int:
        """Updates done."""

    @property
    def train_loss(self) -> float: ...

    @property
    def val_loss(self) -> float: ...

    @property
    def val_r(self) -> float | None: ...

    @property
    def val_r2(self) -> float | None:
        """R²(identity), mean over targets."""

    @property
    def best(self) -> bool: ...

    def __repr__(self) -> str: ...

class TrainedReporter:
    """
    A model with its reporter, at the best epoch of its training. Rows are those of the texts and positions of the targets; whole text groups are in one part.
    """

    @property
    def model(self) -> Model:
        """
        The model with its parameters as they are now; it can be run and edited as any other.
        """

    @property
    def history(self) -> list[EpochRecord]: ...

    @property
    def best_epoch(self) -> int: ...

    @property
    def text(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def position(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def group(self) -> Annotated[NDArray[numpy.int64], dict(shape=(None,), writable=False)]: ...

    @property
    def activation(self) -> Annotated[NDArray[numpy.float64], dict(shape=(None, None), writable=False)]:
        """[n_row, n_target] of the model before training: the truth."""

    def rows_of(self, part: str) -> numpy.typing.NDArray[numpy.int64]:
        """Row numbers of 'train', 'val' or 'test'."""

    def reports(self) -> numpy.typing.NDArray[numpy.float64]:
        """[n_row, n_target] in units of the activation."""

def train_reporter(model: Model, texts: StudyTexts, targets: Sequence[Target], set: Sequence[str], feature_site: str | NamedSite | None, progress: object | None) -> TrainedReporter:
    """For gnomon.train_reporter, which says what it does."""
