#!/bin/sh
# sentence-transformers 6.2.0: the vector of a text by a SigLIP depends on the texts that it is encoded with.
#
# SigLIP was trained on texts padded to its full length and takes no attention mask: the padding is part of the text.
# sentence-transformers pads to the longest text of a batch, as is right for models with a mask. So a text alone has
# another vector than beside a longer one, an index another one than a query, and the order of the texts matters,
# since batches are made by length. With padding="max_length" in the processing of texts the vectors are equal; that
# is what the model's card tells users of transformers to do.
#
# Seen (a small SigLIP with random weights; the cosine of the vectors of "red" alone and beside a longer text):
#   as loaded:             False
#   padded to full length: True
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q torch==2.13.0
"$work/venv/bin/python" -m pip install -q sentence-transformers==6.2.0 transformers==5.24.0 pillow==13.0.0
cd "$work"
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import sys

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessorPil, SiglipModel

words = ["[PAD]", "[END]", "[UNK]", "red", "a", "bicycle", "at", "the", "station"]
tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer.post_processor = processors.TemplateProcessing(single="$A [END]", special_tokens=[("[END]", 1)])
PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, pad_token="[PAD]", eos_token="[END]", unk_token="[UNK]",
    model_max_length=12, model_input_names=["input_ids"],
).save_pretrained("siglip")
layers = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, initializer_range=0.2)
torch.manual_seed(0)
SiglipModel(
    SiglipConfig(
        text_config=dict(**layers, vocab_size=len(words), max_position_embeddings=12, projection_size=32, pad_token_id=0),
        vision_config=dict(**layers, image_size=32, patch_size=8),
    )
).save_pretrained("siglip")
SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained("siglip")


def same(model):
    alone = model.encode(["red"], normalize_embeddings=True)[0]
    beside = model.encode(["red", "a red bicycle at the station"], normalize_embeddings=True)[0]
    return bool(np.allclose(alone, beside, atol=1e-4))


loaded = same(SentenceTransformer("siglip", device="cpu"))
padded = SentenceTransformer("siglip", device="cpu")
padded[0].processing_kwargs = {"text": {"padding": "max_length"}}
fixed = same(padded)
print("as loaded:            ", loaded)
print("padded to full length:", fixed)
sys.exit(0 if not loaded and fixed else 1)
PY
