"""The scale dial: the same architecture at another size, `get("llama-65b", scale="tiny")`, `scale="10M"`.

Sizes are parameters without embeddings (`count.body_parameters`). Kept are d_ff to d_model, the width of attention to d_model, query heads
to key heads, the pattern of blocks, and what else is a ratio (`resize` has them all). Width and depth shrink alike.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from anyformer.architectures import resize as _parts  # noqa: F401  (says what becomes of each part)
from anyformer.architectures.dial import Dial, NoFit, fit, resize
from anyformer.architectures.shorten import shorten
from anyformer.errors import ConfigError, Problem
from anyformer.model.count import body_parameters
from anyformer.model.model import Model
from anyformer.model.skeleton import stacks
from anyformer.parts.attention import Attention

TINY = 1_000_000  # parameters without embeddings; trains in a minute on a CPU
TINY_CONTEXT = 512  # tokens; tables of positions and windows shrink with it
TINY_VOCABULARY = 1_000  # until a tokenizer says
LARGEST = 100 * 10**12  # parameters without embeddings; sixty times the largest model that has been published, Switch-C
WITHIN = 0.05
DEPTHS = 4  # that are always tried
UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def read(scale: str | int | float) -> int:
    """`tiny`, `10M`, `1.5B` or a number, as parameters without embeddings.

    Raises:
        ConfigError: it is none of them.
    """
    if is_tiny(scale):
        return TINY
    found = re.fullmatch(r"(\d+(?:\.\d+)?(?:E\d+)?)\s*([KMBT]?)", str(scale).upper().replace(",", "").replace("_", ""))
    if isinstance(scale, bool) or found is None or float(found[1]) < 1:
        raise ConfigError(Problem("scale", f"{scale!r} is no size; write tiny, or parameters without embeddings as 10M or 1.5B"))
    if float(found[1]) * UNITS[found[2]] > LARGEST:
        raise ConfigError(Problem("scale", f"{scale} is more parameters than any model has by far; take at most {amount(LARGEST)}"))
    return round(float(found[1]) * UNITS[found[2]])


def is_tiny(scale: Any) -> bool:
    return str(scale).lower() == "tiny"


def scaled_context(context: int | None, scale: str | int | float | None) -> int | None:
    """The trained context of an architecture after the dial."""
    return context if context is None or not is_tiny(scale) else min(context, TINY_CONTEXT)


def scaled(config: Model.Config, scale: str | int | float, *, context: int | None = None, keep_vocabulary: bool = False) -> Model.Config:
    """`config` at about `scale` parameters without embeddings, within 5 %.

    Args:
        scale: a size as `read` takes it. `tiny` also shortens the context to 512, and takes 1,000 tokens unless `keep_vocabulary`.
        context: tokens that the architecture was trained on at once, of which windows keep their share.

    Raises:
        ConfigError: nothing of this architecture comes within 5 %; the message says what comes nearest.
    """
    target = read(scale)
    share_of_context = TINY_CONTEXT / max(context or TINY_CONTEXT, TINY_CONTEXT) if is_tiny(scale) else 1.0
    if is_tiny(scale) and not keep_vocabulary:
        config = _with_vocabulary(config, TINY_VOCABULARY)
    best = _search(config, target, share_of_context)
    if best is None or best.error > WITHIN:
        nearest = "" if best is None else f"; the nearest has {amount(best.size)}: scale={best.size}"
        raise ConfigError(Problem("scale", f"nothing of this architecture has {amount(target)} parameters without embeddings, within 5 %{nearest}"))
    return best.config


class _Found(NamedTuple):
    error: float  # of the size
    strain: float  # on what should stay alike
    size: int
    config: Model.Config
    depth: Model.Config  # from which it was made
    dial: Dial


def _search(config: Model.Config, target: int, share_of_context: float) -> _Found | None:
    """What strains the architecture least, of the depths around the liked one; the nearest size where none is right."""
    share = target / body_parameters(config)
    experts = 1 << int(math.log2(8 * max(1.0, target / 10**7) ** 0.5))
    every: list[_Found] = []
    for i, (far, depth) in enumerate(_depths(config, share)):
        layers = {side: (stack.n_layers, stacks(depth)[side].n_layers) for side, stack in stacks(config).items()}
        dial = Dial((config.d_model, config.d_model), layers, experts, share_of_context)
        lonely = sum(after == 1 < before for before, after in layers.values())  # one layer is hardly a stack any more
        every += (f._replace(strain=f.strain + far + lonely) for f in _of_depth(depth, dial, target))
        if i >= DEPTHS and any(f.error <= WITHIN for f in every):
            break
    every.sort(key=lambda f: (max(f.error, WITHIN), f.strain + 4 * f.error))
    if every and every[0].error > WITHIN:
        every += [f for nearest in every[:4] for f in _stretched(nearest, target)]
    return min(every, key=lambda f: (max(f.error, WITHIN), f.strain + 4 * f.error), default=None)


def _stretched(found: _Found, target: int) -> Iterator[_Found]:
    """Where heads leave few widths to choose from, d_ff gives way by up to 6 %."""
    for percent in (1, 2, 4, 6):
        for sign in (1, -1):
            made = _at(found.depth, found.dial._replace(stretch=1 + sign * percent / 100), found.config.d_model, target)
            if made is not None:
                yield made


def _depths(config: Model.Config, share: float) -> Iterator[tuple[float, Model.Config]]:
    """The config with other numbers of layers, and how far each is from the liked one: as much less deep as narrower, but four layers if it had them."""
    deepest = max(stack.n_layers for stack in stacks(config).values())
    total = sum(stack.n_layers for stack in stacks(config).values())
    liked = max(share ** (1 / 3), min(1.0, 4 / total))
    seen = set()
    for change in (1.0, 1.25, 0.8, 1.5, 0.65, 1.75, 2.0, 0.5, 2.5, 3.0, 0.33, 5.0, 0.2, 0.0):
        kept = 1.0 if abs(liked * change - 1) < 0.5 / deepest else liked * change
        shorter: dict[str, Any] = {side: shorten(stack, kept) for side, stack in stacks(config).items()}
        if tuple(shorter.values()) not in seen:
            seen.add(tuple(shorter.values()))
            yield abs(math.log2(max(change, 0.1))), dataclasses.replace(config, **shorter)


def _of_depth(config: Model.Config, dial: Dial, target: int) -> Iterator[_Found]:
    """Widths around the one that gives the right size: the nearest that heads divide well."""
    width, size = config.d_model, body_parameters(config)
    tried: set[int] = set()
    groups = 2 * math.lcm(*(_group(block.attention, width) for stack in stacks(config).values() for block in stack.blocks))  # what heads divide well
    for _ in range(6):
        guess = max(1, round(width * math.sqrt(target / size)))
        steps = (step for step in (64, 32, 16, 8, 4, 2) if step == 2 or step <= guess // 4)
        candidates = dict.fromkeys(max(step, n * step) for step in (*steps, groups) for n in (guess // step, guess // step + 1))
        more = [_at(config, dial, w, target) for w in candidates if w not in tried]
        tried |= set(candidates)
        found = [f for f in more if f is not None]
        yield from found
        if not found:
            return
        nearest = min(found, key=lambda f: f.error)
        if nearest.error < 0.02:
            return
        width, size = nearest.config.d_model, nearest.size


def _group(attention: Attention.Config, d_model: int) -> int:
    """How many query heads share a key head."""
    n, k = attention.heads(d_model)[0], getattr(attention, "n_kv_heads", None)
    return n // k if k and k > 1 else 1


def _at(config: Model.Config, dial: Dial, d_model: int, target: int) -> _Found | None:
    """The config at a width; None where heads do not fit it."""
    dial = dial._replace(d_model=(config.d_model, d_model))
    try:
        made = dataclasses.replace(resize(config, dial), d_model=d_model)
    except (NoFit, ConfigError):
        return None
    heads = [fit(attention, dial).strain for stack in stacks(config).values() for block in stack.blocks for attention in (block.attention,)]
    odd = 0.0 if d_model % 16 == 0 else 0.1 if d_model % 8 == 0 else 0.3
    size = body_parameters(made)
    return _Found(abs(size / target - 1), sum(heads) / len(heads) + odd, size, made, config, dial)


def _with_vocabulary(config: Model.Config, most: int) -> Model.Config:
    own: dict[str, Any] = {}
    for name in ("embedding", "encoder_embedding"):
        embedding = getattr(config, name)
        if embedding is not None and embedding.vocab_size is not None:
            own[name] = dataclasses.replace(embedding, vocab_size=min(embedding.vocab_size, most))
    return dataclasses.replace(config, vocab_size=min(config.vocab_size, most), **own)


def amount(n: int) -> str:
    """`12.3M`: four digits and a unit."""
    for unit, factor in reversed(UNITS.items()):
        if n >= factor:
            return f"{n / factor:.4g}{unit}"
    return str(n)
