"""Tokens joined give the text back, whatever the text and the kind of tokenizer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

import moe_viz
from moe_viz import InputError
from moe_viz.demo import FOLDER as DEMO
from moe_viz.model.running.tokens import TokenTexts, tokens_of_ids, tokens_of_text

HOSTILE = [
    "\0 NUL \0",
    "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 👍🏽",
    "שלום עולם, \u202eright to left\u202c, مرحبا",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "$x$ :red[x] [a](javascript:b) **b** `c` # d | e",
    "  leading, inner   and trailing spaces  \n\n\t\n",
    "ﬁ ﬂ ℌ Å Å",
    "\u0301 a combining mark first",
    "\ufeff a byte order mark",
    "春眠不觉晓，处处闻啼鸟。",
    "\N{REPLACEMENT CHARACTER} itself",
]


def byte_level():
    return AutoTokenizer.from_pretrained(DEMO)


def unigram():
    """In the manner of SentencePiece: a space is ▁, unknown characters fall back to bytes."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    specials = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(["some plain words, to learn a few merges from " * 5], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


def word_piece():
    """In the manner of BERT and T5: lower case, white space thrown away, a special token at either end."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    tokenizer.train_from_iterator(["some plain words, to learn a few pieces from"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


KINDS = {"byte-level": byte_level, "byte fallback": unigram, "word pieces": word_piece}


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return KINDS[request.param]()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_come_back_joined(tokenizer, text):
    tokens = tokens_of_text(tokenizer, text)
    assert "".join(tokens.texts) == text
    assert len(tokens.texts) == len(tokens.names) == len(tokens.ids)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
@pytest.mark.parametrize("kind", KINDS)
def test_any_text_comes_back_joined(kind, text):
    assert "".join(tokens_of_text(KINDS_MADE[kind], text).texts) == text


KINDS_MADE = {kind: make() for kind, make in KINDS.items()}


def test_a_lone_surrogate_is_read_and_shown_as_the_replacement_character():
    tokens = tokens_of_text(byte_level(), "a\ud800b \ud83d\ude00")
    assert "".join(tokens.texts) == "a\N{REPLACEMENT CHARACTER}b 😀"


def test_special_tokens_have_a_name_and_no_text():
    tokens = tokens_of_text(unigram(), "some words")
    assert (tokens.names[0], tokens.texts[0]) == ("<s>", "")


@pytest.mark.parametrize("text", ["", " ", "\n\t  ", "\u3000"])
def test_blank_texts_are_refused(tokenizer, text):
    with pytest.raises(InputError, match="the text is empty"):
        tokens_of_text(tokenizer, text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_byte_level_ids_alone_give_the_text_back(text):
    tokenizer = KINDS_MADE["byte-level"]
    ids = tokens_of_text(tokenizer, text).ids
    assert "".join(tokens_of_ids(tokenizer, ids).texts) == text


def test_ids_without_a_tokenizer_are_named_by_their_number():
    tokens = tokens_of_ids(None, [5, 7])
    assert (tokens.texts, tokens.names) == (("", ""), ("5", "7"))


def test_bytes_within_a_character_are_named_as_bytes():
    tokenizer = KINDS_MADE["byte-level"]
    tokens = tokens_of_text(tokenizer, "\U0001f9ff the")  # too rare to be one token
    parts = [name for name, text in zip(tokens.names, tokens.texts, strict=True) if text != " the"]
    assert bytes.fromhex("".join(part.strip("⟨⟩") for part in parts)).decode() == "\U0001f9ff"
    assert tokens.names[-1] == "Ġthe"
    assert TokenTexts(tokenizer)[tokens.ids[0]] == parts[0]
    assert TokenTexts(tokenizer)[tokens.ids[-1]] == " the"


@pytest.mark.parametrize(
    "ids", [(5, 6), range(5, 7), np.array([5, 6], dtype=np.uint8), torch.tensor([5, 6]), list(torch.tensor([5, 6]))]
)
def test_ids_are_taken_from_any_row_of_whole_numbers(ids):
    model = moe_viz.load("demo")
    assert model.tokenize(token_ids=ids).ids == (5, 6)
    assert model.trace(token_ids=ids).token_ids.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("ids", "seen"),
    [
        (torch.tensor([[5, 6]]), "rows of them"),
        ([[5, 6, 7]], "rows of them"),
        (np.array([5.0, 6.0]), "5.0"),
        ([5, 6.5], "6.5"),
        ([5, True], "True"),
        ([5, None], "None"),
        (["5"], "'5'"),
        ("hello", "'h'"),
        ({"input_ids": [5]}, "'input_ids'"),
        (torch.tensor(5), "5"),
        (5, "5"),
    ],
)
def test_ids_that_are_no_row_of_whole_numbers_are_refused(ids, seen):
    model = moe_viz.load("demo")
    with pytest.raises(InputError, match="expected whole numbers in one row") as error:
        model.trace(token_ids=ids)
    assert str(error.value).endswith(f"; got {seen}")


@pytest.mark.parametrize("ids", [[], np.zeros(0, dtype=int), [-1], [10**30]])
def test_ids_outside_the_vocabulary_are_refused(ids):
    with pytest.raises(InputError, match="the vocabulary, which goes from 0 to"):
        moe_viz.load("demo").trace(token_ids=ids)
