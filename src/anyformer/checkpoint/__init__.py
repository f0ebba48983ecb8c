"""Steps of a run on disk: written whole or not at all, checked when read, never unpickled.

save_step(run, "step-000500", {"model": model.state_dict(), "optimizer": ...}, {"step": 500, ...})
load_step(find_step(run, "best")).tensors("model")
"""

from anyformer.checkpoint.average import average_steps
from anyformer.checkpoint.folder import find_step, is_run, latest_step, point_at, pointed_at, remove_partial, remove_step, step_name, step_names
from anyformer.checkpoint.identity import check_same, differences
from anyformer.checkpoint.step import FORMAT, Step, load_step, save_step

__all__ = [
    "FORMAT",
    "Step",
    "average_steps",
    "check_same",
    "differences",
    "find_step",
    "is_run",
    "latest_step",
    "load_step",
    "point_at",
    "pointed_at",
    "remove_partial",
    "remove_step",
    "save_step",
    "step_name",
    "step_names",
]
