"""The command line: a file a verb. Nothing heavy is imported before a verb runs."""

from anyformer.cli.app import main

__all__ = ["main"]
