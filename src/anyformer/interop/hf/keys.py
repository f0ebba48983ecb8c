"""config.json, and which of its keys were read: what a family neither uses nor knows to be without effect is an error."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from anyformer.errors import ConfigError, ConversionError, Problem, join_path
from anyformer.spec import read_value

_NEEDED = object()

# of every family: what is said about files, tokenizers, generation and training, and does not change the logits
_INERT = """
    _name_or_path name_or_path transformers_version architectures auto_map dtype torch_dtype model_type use_cache initializer_range
    bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id mask_token_id unk_token_id decoder_start_token_id forced_bos_token_id
    forced_eos_token_id bad_words_ids suppress_tokens begin_suppress_tokens tokenizer_class prefix task_specific_params finetuning_task
    output_attentions output_hidden_states output_scores return_dict return_dict_in_generate use_return_dict torchscript use_bfloat16
    attn_implementation _attn_implementation _attn_implementation_autoset keys_to_ignore_at_inference gradient_checkpointing
    id2label label2id num_labels problem_type classifier_dropout chunk_size_feed_forward
    max_length min_length max_new_tokens do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p typical_p
    repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size num_return_sequences remove_invalid_values
    exponential_decay_length_penalty num_assistant_tokens
"""
INERT = frozenset(_INERT.split())
OFF = {"is_encoder_decoder": False, "is_decoder": False, "add_cross_attention": False, "tie_encoder_decoder": False}  # values that say nothing


class Keys:
    """The keys of config.json (or of one of its mappings), each marked when it is read.

    keys.take("hidden_size", int)                     its value, of this type; an error where it is missing
    keys.take("rms_norm_eps", float, 1e-6)            with the default of the Hugging Face class, for what is missing or null
    keys.take_or_none("sliding_window", int, 4096)    where null means none, and missing means the default
    keys.expect("mlp_bias", False)                    only this value (or values) can be had here; missing is the first
    """

    def __init__(self, data: Mapping[str, Any], path: str = "", files: Collection[str] | None = None):
        self.data, self.path, self.files = dict(data), path, files
        self._used: set[str] = set()
        self._parts: dict[str, Keys] = {}

    def __contains__(self, name: str) -> bool:
        return self.data.get(name) is not None

    def take(self, name: str, kind: Any, default: Any = _NEEDED) -> Any:
        self._used.add(name)
        value = self.data.get(name)
        if value is None:
            if default is _NEEDED:
                raise ConversionError(Problem(join_path(self.path, name), "is missing"))
            return default
        try:
            return read_value(kind, value, join_path(self.path, name))
        except ConfigError as error:
            raise ConversionError(*error.problems) from None

    def take_or_none(self, name: str, kind: Any, default: Any) -> Any:
        self._used.add(name)
        return None if name in self.data and self.data[name] is None else self.take(name, kind, default)

    def expect(self, name: str, *allowed: Any) -> Any:
        self._used.add(name)
        value = self.data.get(name)
        if value is None:
            return allowed[0]
        if value not in allowed:
            only = ", ".join(repr(a) for a in allowed)
            raise ConversionError(Problem(join_path(self.path, name), f"is {value!r}, which is not supported; only {only}"))
        return value

    def within(self, name: str) -> Keys | None:
        """The keys of a mapping that is a value; None where it is missing."""
        self._used.add(name)
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ConversionError(Problem(join_path(self.path, name), f"expected a mapping, got {value!r}"))
        return self._parts.setdefault(name, Keys(value, join_path(self.path, name)))

    def stored(self, name: str, otherwise: bool) -> bool:
        """Whether the files hold a tensor of this name; `otherwise` where a config is read without files."""
        return otherwise if self.files is None else name in self.files

    def ignore(self, *names: str) -> None:
        """Marks keys as read that have no effect beside the others (`max_position_embeddings` of unscaled rotary positions)."""
        self._used.update(names)

    def unread(self, inert: frozenset[str] = frozenset()) -> Iterator[Problem]:
        """A problem for each key that was not read and is not inert. What is null or empty, or off, says nothing."""
        for name, value in self.data.items():
            off = value in (None, {}, []) or (name in OFF and value == OFF[name])
            if name not in self._used and name not in inert and not off:
                yield Problem(join_path(self.path, name), f"is {value!r}, and this family's reader does not know what it does to the model")
        for part in self._parts.values():
            yield from part.unread()
