"""Tiny random models of true architecture, in folders as their authors lay them out.

The weights are drawn wide, so that a wrong token, a wrong pooling or a missing mask moves the vector far.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CORPUS = [
    "The quick brown fox jumps over the lazy dog while it rains in the harbour.",
    "A query asks what the red planet is called; a passage says that Mars is the red planet.",
    "Embedding models read tokens, pool their states and give one vector a text, poison or not.",
    "Which document answers the question? Search: relevant passages, numbers 0 1 2 3 4 5 6 7 8 9.",
    "为这个句子生成表示以用于检索相关文章。火星是红色的行星。",
]
TEXTS = [
    "fox",
    "",
    "The quick brown fox jumps over the lazy dog.",
    " \n ",
    "  two spaces before, a newline after\n",
    "火星是红色的行星。",
    "it rains " * 90,
    "The RED planet, and a word that nobody knows: zyxwv",
]
"""Mixed lengths: nearly empty, another script, and one that must be truncated."""

END = "<|endoftext|>"
CHAT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
POSITIONS = 64
WIDTH = 48
CONFIG = "sentence_transformers.models."


def _write(path: Path, body: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, ensure_ascii=False), "utf-8")


def copy(folder: Path, to: Path) -> Path:
    """A copy under another name."""
    return Path(shutil.copytree(folder, to))


def wordpiece(folder: Path, corpus: Sequence[str] = CORPUS) -> int:
    """A BERT tokenizer; gives the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer = normalizers.BertNormalizer(lowercase=True)
    split = pre_tokenizers.BertPreTokenizer()
    words = [w for t in corpus for w, _ in split.pre_tokenize_str(normalizer.normalize_str(t))]
    letters = sorted({c for word in words for c in word})
    # not trained: WordPieceTrainer breaks ties by chance, and every session would have another model
    pieces = [*special, *letters, *(f"##{c}" for c in letters), *sorted(set(words))]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = split
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": True,
            "model_max_length": POSITIONS,
            **{f"{n.strip('[]').lower()}_token": n for n in special},
        },
    )
    return int(tokenizer.get_vocab_size())


def byte_level(folder: Path, side: str, corpus: Sequence[str] = CORPUS) -> int:
    """Qwen3-Embedding's tokenizer in small: the end token pads too, and a chat template lies about."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[END, "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", pair=f"$A $B {END}", special_tokens=[(END, 0)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "Qwen2Tokenizer",
            "eos_token": "<|im_end|>",
            "pad_token": END,
            "padding_side": side,
            "model_max_length": 131072,
            "chat_template": CHAT,
        },
    )
    return int(tokenizer.get_vocab_size())


def _bert_config(size: int, **more: Any) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=size,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=POSITIONS,
        initializer_range=0.4,
        **more,
    )


def bert(folder: Path, seed: int = 0) -> Path:
    """A bare transformers folder: BERT."""
    import torch
    from transformers import BertModel

    torch.manual_seed(seed)
    BertModel(_bert_config(wordpiece(folder))).save_pretrained(folder)
    return folder


def classifier(folder: Path, labels: int = 1, **config: Any) -> Path:
    """A BERT that classifies pairs. `config`: more fields of its config.json."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(1)
    made = _bert_config(wordpiece(folder), num_labels=labels)
    BertForSequenceClassification(made).save_pretrained(folder)
    path = folder / "config.json"
    _write(path, {**json.loads(path.read_text("utf-8")), **config})
    return folder


def bare(folder: Path, kind: str, **more: Any) -> Path:
    """A model of that architecture without a head, positions wide enough for every text of MIXED."""
    import torch
    from transformers import AutoConfig, AutoModel

    size = wordpiece(folder)
    names = {"distilbert": {"dim": WIDTH, "hidden_dim": 64, "n_layers": 2, "n_heads": 4}}
    config = AutoConfig.for_model(
        kind,
        vocab_size=size,
        max_position_embeddings=300,
        initializer_range=0.4,
        pad_token_id=0,
        **names.get(
            kind,
            {
                "hidden_size": WIDTH,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
            },
        ),
        **more,
    )
    torch.manual_seed(4)
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


def qwen(folder: Path, side: str) -> Path:
    """A bare transformers folder: Qwen3, padding on `side`."""
    import torch
    from transformers import Qwen3Config, Qwen3Model

    size = byte_level(folder, side)
    torch.manual_seed(2)
    config = Qwen3Config(
        vocab_size=size,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        max_position_embeddings=POSITIONS,
        initializer_range=0.2,
    )
    Qwen3Model(config).save_pretrained(folder)
    return folder


ANSWERS = ["yes"] * 50 + ["no"] * 50
LONG = 512


def qwen_reranker(
    folder: Path, side: str = "left", answers: Sequence[str] = ANSWERS, tied: bool = True
) -> Path:
    """A bare transformers folder: Qwen3 with its language model's head, and tokens for yes and no.

    `tied`: the head is the embedding's weights, as in the smaller ones of the family.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    size = byte_level(folder, side, [*CORPUS, *answers])
    torch.manual_seed(3)
    config = Qwen3Config(
        vocab_size=size,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        max_position_embeddings=LONG,
        initializer_range=0.2,
        tie_word_embeddings=tied,
    )
    Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder


def saved(bare: Path, folder: Path, pooling: str | list[str]) -> Path:
    """The folder that sentence-transformers itself writes."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    text = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
    transformer = Transformer(
        str(bare), modality_config=text, module_output_name="token_embeddings"
    )
    modules = [transformer, Pooling(WIDTH, pooling_mode=pooling), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    return folder


def with_modules(folder: Path, *flags: str) -> Path:
    """Makes a bare folder one of the older layout, by hand, as most models on the hub have it."""
    steps = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": CONFIG + kind}
        for i, (path, kind) in enumerate(steps)
    ]
    _write(folder / "modules.json", listed)
    names = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "lasttoken")
    pooled = {f"pooling_mode_{n}": n in flags for n in names}
    pooling = {"word_embedding_dimension": WIDTH, **pooled, "include_prompt": True}
    _write(folder / "1_Pooling" / "config.json", pooling)
    return folder


def change(folder: Path, name: str, **values: Any) -> Path:
    """Sets fields of a JSON file in the folder, which may be new."""
    path = folder / name
    old = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    _write(path, {**old, **values})
    return folder
