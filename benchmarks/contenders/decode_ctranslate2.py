"""CTranslate2 on the same random weights as Hugging Face's Marian. Arguments: corpus, float32|int8, threads."""

import sys
import tempfile

import ctranslate2
from ctranslate2.converters.transformers import BartLoader
from marian_model import build
from shape import DECODING_LENGTH, VOCAB_SIZE, Corpus
from windows import Windows, endless

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]


def convert(folder: str) -> None:
    """Writes Marian as a CTranslate2 model whose tokens are ids as text."""
    model = build()
    model.config.normalize_before = model.config.normalize_embedding = False
    spec = BartLoader().get_model_spec(model)
    tokens = SPECIAL + [str(i) for i in range(len(SPECIAL), VOCAB_SIZE)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.bos_token = spec.config.decoder_start_token = "<s>"
    spec.validate()
    spec.optimize()
    spec.save(folder)


def main(corpus: str, precision: str, threads: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        convert(folder)
        translator = ctranslate2.Translator(folder, compute_type=precision, inter_threads=1, intra_threads=int(threads))
    windows = Windows(toolkit=f"CTranslate2 {ctranslate2.__version__}", precision=translator.compute_type)
    for rows in windows.over(endless(Corpus.load(corpus).test_batches()), count=len):
        source = [[str(i) for i in row] + ["</s>"] for row in rows]
        found = translator.translate_batch(source, beam_size=windows.command["beam"], min_decoding_length=DECODING_LENGTH, max_decoding_length=DECODING_LENGTH)
        assert all(len(result.hypotheses[0]) == DECODING_LENGTH for result in found), [len(result.hypotheses[0]) for result in found]


main(*sys.argv[1:])
