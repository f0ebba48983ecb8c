"""What a config is and costs: parameters by part and layer, operations, memory, what loads it; as a table and as data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from anyformer.architectures import Architecture
from anyformer.inspection.amounts import number, size
from anyformer.inspection.reach import Reach, reach
from anyformer.inspection.summary import summary
from anyformer.model import count
from anyformer.model.flops import flops_per_token
from anyformer.model.memory import Memory, memory
from anyformer.model.model import Model
from anyformer.parts.position import Learned

CONTEXT = 512  # tokens, where nothing says on how many a model was or will be trained


@dataclass(frozen=True)
class Description:
    """How large a model is, and what it costs. `str` makes a table, `to_dict` data for JSON."""

    name: str
    config: Model.Config
    architecture: Architecture | None = None
    trained_on: int | None = None  # tokens at once; None: not known
    note: str = ""

    @property
    def context(self) -> int:
        """The tokens at the end of which a token is counted."""
        position = self.config.embedding.position
        return self.trained_on or (position.length if isinstance(position, Learned.Config) else CONTEXT)

    @cached_property
    def parts(self) -> tuple[count.Count, ...]:
        return tuple(count.by_part(self.config))

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)

    @property
    def active_parameters(self) -> int:
        return sum(part.active for part in self.parts)

    @property
    def parameters_without_embeddings(self) -> int:
        return sum(part.parameters for part in self.parts if not part.table)

    @cached_property
    def pretraining_head(self) -> int:
        return count.pretraining_head(self.config)

    @cached_property
    def flops_per_token(self) -> int:
        return flops_per_token(self.config, self.context)

    @cached_property
    def memory(self) -> Memory:
        return memory(self.config)

    @cached_property
    def reach(self) -> list[Reach]:
        return reach(self.config)

    def to_dict(self) -> dict[str, Any]:
        known = self.architecture
        return {
            "name": self.name,
            "kind": None if known is None else known.kind,
            "family": None if known is None else known.family,
            "year": None if known is None else known.year,
            "paper": None if known is None else known.paper,
            "published": None if known is None else known.published,
            "parameters": self.parameters,
            "active_parameters": self.active_parameters,
            "parameters_without_embeddings": self.parameters_without_embeddings,
            "pretraining_head_parameters": self.pretraining_head,
            "flops_per_token": self.flops_per_token,
            "context": self.context,
            "kv_cache_bytes_per_token": self.memory.kv_cache_per_token,
            "memory": {
                "weights": self.memory.weights,
                "training": self.memory.training,
                "activations_per_token": self.memory.activations_per_token,
                "kv_cache_at_context": self.memory.kv_cache_per_token * self.context,
            },
            "parts": [part._asdict() for part in self.parts],
            "reach": [r._asdict() for r in self.reach],
            "note": self.note,
            "config": self.config.to_dict(),
        }

    def table(self) -> str:
        """Parameters by part, a line each."""
        rows = [(part.name, f"{part.parameters:,}", _share(part.parameters, self.parameters), _copies(part)) for part in self.parts]
        rows.append(("all", f"{self.parameters:,}", "", ""))
        if self.active_parameters != self.parameters:
            rows.append(("active for one token", f"{self.active_parameters:,}", _share(self.active_parameters, self.parameters), ""))
        rows.append(("without embeddings", f"{self.parameters_without_embeddings:,}", _share(self.parameters_without_embeddings, self.parameters), ""))
        if self.pretraining_head:
            rows.append((f"{count.HEAD}, beside", f"{self.pretraining_head:,}", "", ""))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(f"  {a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows)

    def __str__(self) -> str:
        sections = {"config": summary(self.config), "parameters": self.table(), "work and memory": self._costs(), "loads once exported": self._reach()}
        return "\n\n".join([self._head(), *(f"{title}\n{text}" for title, text in sections.items())])

    def _head(self) -> str:
        known = self.architecture
        about = [] if known is None else [known.kind, str(known.year), *([f"{known.published} published"] if known.published else [])]
        lines = [" · ".join([self.name, *about]) + (f" ({self.note})" if self.note else "")]
        return "\n".join(lines if known is None else [*lines, *filter(None, [known.line, known.paper])])

    def _costs(self) -> str:
        memory, at = self.memory, f"{self.context:,} tokens" + ("" if self.trained_on else ", as the trained length is not known")
        cache = f"{size(memory.kv_cache_per_token)} a token in bf16; {size(memory.kv_cache_per_token * self.context)} at {self.context:,} tokens"
        kept = memory.activations_per_token
        lines = {
            "forward": f"{number(self.flops_per_token)}FLOP a token at {at}",
            "KV cache": cache if self.config.decoder is not None else "none: an encoder writes no text",
            "weights": ", ".join(f"{size(n)} in {precision}" for precision, n in memory.weights.items()),
            "training": f"{size(memory.training['fp32'])} for fp32 weights, gradients and AdamW; "
            f"activations a token about {size(kept['fp32'])} in fp32, {size(kept['bf16'])} in bf16",
        }
        return "\n".join(f"  {name:<8}  {text}" for name, text in lines.items())

    def _reach(self) -> str:
        width = max(len(r.tool) for r in self.reach)
        return "\n".join(f"  {r.tool:<{width}}  {'yes' if r.loads else 'no'}, {r.how}" for r in self.reach)


def _share(n: int, all_: int) -> str:
    return f"{100 * n / all_:.1f} %"


def _copies(part: count.Count) -> str:
    each = f"{part.copies:,} x {part.parameters // part.copies:,}" if part.copies > 1 else ""
    return each + (f", {part.active:,} active" if part.active != part.parameters else "")
