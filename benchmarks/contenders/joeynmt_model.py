"""JoeyNMT's config of the shared shape, and the files it reads: text whose words are the shared token ids.

JoeyNMT's special ids are unknown 0, padding 1, start 2, end 3; all other ids are the shared ones.
"""

from pathlib import Path
from typing import Any

from shape import D_FF, D_MODEL, DROPOUT, LABEL_SMOOTHING, LEARNING_RATE, N_HEADS, N_LAYERS, TOKENS_A_SIDE, VOCAB_SIZE, Corpus


def config(corpus: Corpus, folder: Path) -> dict[str, Any]:
    """The config of a training run; writes the data files to `folder`."""
    for part, pairs in {"train": corpus.train, "dev": corpus.train[:32]}.items():
        for language, side in (("en", 0), ("fr", 1)):
            (folder / f"{part}.{language}").write_text("".join(" ".join(map(str, pair[side])) + "\n" for pair in pairs))
    vocabulary = folder / "vocabulary.txt"
    vocabulary.write_text("".join(f"{i}\n" for i in range(4, VOCAB_SIZE)))
    side = {"max_length": -1, "level": "word", "voc_file": str(vocabulary)}
    stack = {
        "type": "transformer",
        "num_layers": N_LAYERS,
        "num_heads": N_HEADS,
        "embeddings": {"embedding_dim": D_MODEL, "scale": True, "dropout": DROPOUT},
        "hidden_size": D_MODEL,
        "ff_size": D_FF,
        "dropout": DROPOUT,
        "layer_norm": "post",
    }
    never = 10**9
    return {
        "name": "benchmark",
        "joeynmt_version": "2.3.0",
        "model_dir": str(folder),
        "use_cuda": False,
        "data": {
            "train": str(folder / "train"),
            "dev": str(folder / "dev"),
            "dataset_type": "plain",
            "src": {"lang": "en", **side},
            "trg": {"lang": "fr", **side},
        },
        "model": {"tied_embeddings": True, "tied_softmax": True, "encoder": stack, "decoder": dict(stack, embeddings=dict(stack["embeddings"]))},
        "training": {
            "optimizer": "adam",
            "adam_betas": [0.9, 0.98],
            "scheduling": "warmupinversesquareroot",
            "learning_rate": LEARNING_RATE,
            "learning_rate_warmup": 2000,
            "learning_rate_min": 0.0,
            "label_smoothing": LABEL_SMOOTHING,
            "normalization": "tokens",
            "batch_size": TOKENS_A_SIDE,
            "batch_type": "token",
            "epochs": never,
            "logging_freq": 100,
            "validation_freq": never,
        },
        "testing": {"batch_size": 32, "batch_type": "sentence"},
    }
