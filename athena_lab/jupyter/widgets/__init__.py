"""Widgets: each one class and one ES module beside it."""

from athena_lab.jupyter.widgets.ask import AskCell

__all__ = ["AskCell"]
