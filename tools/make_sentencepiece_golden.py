#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the goldens of tokenizers with byte fallback, from Hugging Face `tokenizers`.

Run by hand after make_tokenizer_golden.py, whose texts it takes; its outputs are committed:

  tests/golden/tokens/sentencepiece.json             the vocabulary of Mistral 7B v0.1 (Apache-2.0), texts,
                                                     hashes of the ids in each setting, versions
  tests/golden/tokens/tiny_metaspace_tokenizer.json  a small tokenizer.json as transformers saves it

  python tools/make_sentencepiece_golden.py --model tokenizer.model.v1

The file is mistral_common/data/tokenizer.model.v1 of the PyPI wheel mistral-common 1.0.2. Where a text has no
added token, the ids must be those of `sentencepiece` too.
"""

import argparse
import json
import pathlib
import random
import tempfile

import sentencepiece
import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from make_tokenizer_golden import CUSTOM_ADDED, GOLDEN, ids_text, short_hash, sweep

MARK = "\u2581"
SPECIAL = ["<unk>", "<s>", "</s>"]
# With one that no text is merged into, though it is a single character.
MORE_ADDED = CUSTOM_ADDED + [dict(content="\U0001f600", special=False, normalized=True, single_word=True)]
FIXED = ["<s>Hello", "Hello <s> world", " <s>", "<s> ", "</s> a </s>", "<unk>", "<unk><unk>", "<s><s>a<s>", "[INST] hi [/INST]",
         "<0x41>", "<0x0A>", MARK, MARK + MARK + "a", " " + MARK, "a" + MARK + "b", MARK + "<s>" + MARK, "\n<s>\n", "a\u0000b",
         "<s>" + MARK + "<s>", "  <s>  a", "a\U0001f600", "\U0001f600", " \U0001f600", "a \U0001f600\U0001f600", "word", "a word b", " word", "word word", "<|left|>", " <|left|> a"]
# Pieces of one character in runs, where a piece can be cut in several places.
UNITS = ["a", "ab", "abc", " ", "  a", "=", "= -", "\n", "\t ", "the", "l", "lo", "10", "e er", "-", "in g", "\u65e5\u6708"]


def vocabulary_of(processor):
    n = processor.get_piece_size()
    pieces = [processor.id_to_piece(i) for i in range(n)]
    scores = [processor.get_score(i) for i in range(n)]
    first = next(i for i in range(n) if not (processor.is_unknown(i) or processor.is_control(i) or processor.is_byte(i)))
    low = [i for i in range(first, n) if scores[i] != -(i - first)]
    assert pieces[:3] == SPECIAL and first == 259 and all(processor.is_byte(i) for i in range(3, first))
    assert all(scores[i] == -1e9 for i in low) and not any(processor.is_unused(i) for i in range(n))
    return pieces, scores, first, low


def merges_of(pieces, scores):
    """As in LlamaConverter of transformers 4, with which the models' tokenizer.json files were written."""
    ids = {p: i for i, p in enumerate(pieces)}
    cuts = [(p[:k], p[k:], scores[ids[p]]) for p in pieces for k in range(1, len(p)) if p[:k] in ids and p[k:] in ids]
    cuts.sort(key=lambda cut: (cut[2], len(cut[0]), len(cut[1])), reverse=True)
    return [(left, right) for left, right, _ in cuts]


def fallback(pieces, merges, normalizer=None, pre=None, custom=False, normalized=False, **options):
    vocab = {p: i for i, p in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True, **options))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=normalized) for s in SPECIAL])
    if custom:
        tokens = [AddedToken(**a) for a in MORE_ADDED]
        tokenizer.add_special_tokens([t for t in tokens if t.special])
        tokenizer.add_tokens([t for t in tokens if not t.special])
    return tokenizer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=pathlib.Path, required=True)
    args = parser.parse_args()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(args.model))
    pieces, scores, first, low = vocabulary_of(processor)
    merges = merges_of(pieces, scores)

    prepend = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    replace = normalizers.Sequence([normalizers.Replace(" ", MARK)])

    def metaspace(scheme, split):
        return pre_tokenizers.Metaspace(replacement=MARK, prepend_scheme=scheme, split=split)

    settings = {
        "prepend": fallback(pieces, merges, normalizer=prepend),
        "prepend_normalized": fallback(pieces, merges, normalizer=prepend, custom=True, normalized=True),
        "replace": fallback(pieces, merges, normalizer=replace, custom=True),
        "first": fallback(pieces, merges, pre=metaspace("first", False)),
        "first_added": fallback(pieces, merges, pre=metaspace("first", False), custom=True, normalized=True),
        "always_split": fallback(pieces, merges, pre=metaspace("always", True), custom=True),
        "never": fallback(pieces, merges, pre=metaspace("never", False)),
        "never_split_whole": fallback(pieces, merges, pre=metaspace("never", True), ignore_merges=True),
    }
    golden = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))
    rng = random.Random("gnomon sentencepiece golden")
    texts = list(FIXED)
    for _ in range(600):
        unit = rng.choice(UNITS)
        texts.append("".join(rng.choice(unit) for _ in range(rng.randint(1, 40))))
    texts = list(dict.fromkeys(texts))
    n_same = 0
    for text in golden["texts"] + texts:
        if not any(special in text for special in SPECIAL) and "\0" not in text:
            assert settings["prepend"].encode(text, add_special_tokens=False).ids == processor.encode(text), text
            n_same += 1
    print(f"{n_same} texts have the ids of sentencepiece")

    out = {
        "recipe": "tools/make_sentencepiece_golden.py",
        "versions": {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__,
                     "transformers": transformers.__version__},
        "pieces": pieces,
        # Piece i has score first_scored - i, those before it 0, those of low_scored -1e9.
        "first_scored": first,
        "low_scored": low,
        "merges_hash": short_hash("\n".join(" ".join(m) for m in merges)),
        "custom_added": [dict(id=settings["replace"].token_to_id(a["content"]), **a) for a in MORE_ADDED],
        "texts": texts,
        # Six hexadecimal digits for each text of golden.json, then for each of these.
        "hashes": {name: "".join(short_hash(ids_text(t.encode(x, add_special_tokens=False).ids))[:6]
                                 for x in golden["texts"] + texts) for name, t in settings.items()},
        "decoded": {},
        "sweep": {"context": "a*1 *b", "blocks": sweep(settings["prepend"], "a*1 *b")},
    }

    # A complete tokenizer.json of transformers, and what its decoder gives.
    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder) / "tiny"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([t for t in golden["texts"] if t.strip() and t.isprintable() and t.isascii() and "<" not in t]),
            model_prefix=str(prefix), model_type="bpe", vocab_size=550, character_coverage=0.98, byte_fallback=True,
            split_digits=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True, minloglevel=2)
        tiny = sentencepiece.SentencePieceProcessor(model_file=str(prefix) + ".model")
        n = tiny.get_piece_size()
        tiny_pieces = [tiny.id_to_piece(i) for i in range(n)]
        tiny_merges = merges_of(tiny_pieces, [tiny.get_score(i) for i in range(n)])
        saved = transformers.LlamaTokenizer(vocab={p: i for i, p in enumerate(tiny_pieces)}, merges=tiny_merges)
        saved.save_pretrained(folder)
        path = pathlib.Path(folder) / "tokenizer.json"
        text = json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False, separators=(",", ":"))
        (GOLDEN / "tiny_metaspace_tokenizer.json").write_text(text, encoding="utf-8")
    tiny = Tokenizer.from_file(str(GOLDEN / "tiny_metaspace_tokenizer.json"))
    encoded = [tiny.encode(x, add_special_tokens=False).ids for x in golden["texts"] + texts]
    out["hashes"]["tiny_metaspace"] = "".join(short_hash(ids_text(ids))[:6] for ids in encoded)
    out["decoded"] = {"tiny_metaspace": "".join(
        short_hash(tiny.decode(ids, skip_special_tokens=False))[:6] for ids in encoded)}

    lines = [f'"{key}":' + json.dumps(value, ensure_ascii=key != "pieces", separators=(",", ":")) for key, value in out.items()]
    (GOLDEN / "sentencepiece.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="")
    print(f"{len(texts)} texts, {len(merges)} merges; versions {out['versions']}")


if __name__ == "__main__":
    main()
