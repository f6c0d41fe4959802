#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the tokenizer of the embedded model, assets/gnomon-books.

Run by hand, never by the build; the outputs are committed:

    python -m venv /tmp/golden && /tmp/golden/bin/pip install -r tools/golden_requirements.txt
    /tmp/golden/bin/python tools/make_embedded_tokenizer.py CORPUS --out assets/gnomon-books --stats

GPT-2's byte-level BPE, trained by Hugging Face `tokenizers` on every .txt of the folder CORPUS, with
4096 tokens: 0 is <|endoftext|>, 1 to 256 are the byte alphabet. The corpus is books with hard-wrapped
lines; it is read with each paragraph on one line, as a sentence stands in a prompt. Token reporters
answer with ANSWERS, each of which must be one token; prose has too few digits for BPE to make one
of " 7", so the merges that are missing for it stand at the end of the list.

The same folder gives the same bytes. Beside the two files it writes tests/golden/tokens/books.json,
the ids of varied texts, which the C++ tokenizer must give as well.
"""

import argparse
import json
import pathlib
import re

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "tokens"
D_VOCAB = 4096
END = "<|endoftext|>"
ANSWERS = [space + word for space in ("", " ") for word in [*"0123456789", "on", "off"]]

SENTENCES = [
    "The sundial casts a shadow, and the shadow tells the hour.",
    "On the 21st of March 1897, at 6:05, he turned the lamp off; she turned it on again.",
    "on off on on off",
    "Is it on, or off?  It's \"on\"--and it won't go off.",
    "0 1 2 3 4 5 6 7 8 9",
    "The neuron said 7, then 10, then 3.1416.",
    "Mr. Holmes, I've never _once_ seen the like!\n\n\"Nor I,\" said he.\n",
    "Line one,\nline two,\n   and an indented line three.",
    "<|endoftext|>It was the best of times.<|endoftext|>",
    "naïve café – 東京 🌞 👩‍👩‍👧‍👦 £5 “quoted” — ‘so’…",
]


def paragraphs(text):
    """The text with one line for each paragraph."""
    lines = (re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n", text))
    return "\n".join(line for line in lines if line)


def new_tokenizer(vocab, merges):
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def learn(books):
    """The merges that BPE finds, more of them than are kept, and the pieces they start from."""
    tokenizer = new_tokenizer({}, [])
    trainer = trainers.BpeTrainer(
        vocab_size=D_VOCAB,
        special_tokens=[END],
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(books, trainer)
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    start = [tokenizer.id_to_token(i) for i in range(D_VOCAB - len(merges))]
    if start != [END, *sorted(pre_tokenizers.ByteLevel.alphabet())]:
        raise AssertionError("the vocabulary does not begin with the end token and the bytes")
    return start, merges


def with_merges(start, merges):
    pieces = start + [left + right for left, right in merges]
    if len(set(pieces)) != len(pieces):
        raise AssertionError("two merges make the same piece")
    tokenizer = new_tokenizer({piece: i for i, piece in enumerate(pieces)}, merges)
    tokenizer.add_special_tokens([END])
    return tokenizer


def missing_merges(start, merges):
    """What must come after `merges` so that each of ANSWERS is one token."""
    added = []
    for answer in ANSWERS:
        while len(parts := with_merges(start, merges + added).encode(answer).tokens) > 1:
            added.append((parts[0], parts[1]))
    return added


def train(books):
    start, merges = learn(books)
    n_kept = len(merges)
    # Leaving out merges can only make more answers miss, so this ends at the most that fit.
    while n_kept + len(added := missing_merges(start, merges[:n_kept])) > len(merges):
        n_kept -= 1
    tokenizer = with_merges(start, merges[:n_kept] + added)
    if tokenizer.get_vocab_size() != D_VOCAB:
        raise AssertionError(f"{tokenizer.get_vocab_size()} tokens, expected {D_VOCAB}")
    print(f"{n_kept} merges of the corpus and {len(added)} for the answers: {added}")
    return tokenizer


def write_folder(tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "bos_token": END,
        "eos_token": END,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": END,
    }
    text = json.dumps(config, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
    print(f"{(folder / 'tokenizer.json').stat().st_size} bytes in {folder / 'tokenizer.json'}")


def write_golden(tokenizer):
    varied = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))["texts"]
    texts = list(dict.fromkeys(ANSWERS + SENTENCES + varied[:: len(varied) // 180]))
    rows = [json.dumps([text, tokenizer.encode(text).ids], ensure_ascii=True) for text in texts]
    head = {
        "recipe": "tools/make_embedded_tokenizer.py",
        "versions": {"tokenizers": tokenizers.__version__},
        "answers": ANSWERS,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    lines.append('"texts": [\n' + ",\n".join(rows) + "\n]")
    (GOLDEN / "books.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(texts)} texts in {GOLDEN / 'books.json'}")


def print_stats(tokenizer, raw):
    for name, read in (("one line a paragraph", paragraphs), ("lines as in the files", str)):
        texts = [read(text) for text in raw]
        ids = [id for encoding in tokenizer.encode_batch(texts) for id in encoding.ids]
        n_characters = sum(map(len, texts))
        print(
            f"{name}: {n_characters} characters, {len(ids)} tokens, "
            f"{n_characters / len(ids):.3f} characters a token, {len(set(ids))} tokens used"
        )


def main():
    parser = argparse.ArgumentParser(description="Train the tokenizer of the embedded model.")
    parser.add_argument("corpus", type=pathlib.Path, help="folder of .txt files, UTF-8")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="model folder")
    parser.add_argument("--stats", action="store_true", help="count tokens of the corpus")
    arguments = parser.parse_args()
    files = sorted(arguments.corpus.glob("*.txt"))
    if not files:
        parser.error(f"{arguments.corpus} has no .txt files")
    raw = [path.read_text(encoding="utf-8") for path in files]
    tokenizer = train([paragraphs(text) for text in raw])
    write_folder(tokenizer, arguments.out)
    write_golden(tokenizer)
    if arguments.stats:
        print_stats(tokenizer, raw)


if __name__ == "__main__":
    main()
