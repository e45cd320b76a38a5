"""Functions with which a model looks again at the sample of a question: they only read, and only that sample."""

from athena_lab.tools.look import Look, offered

__all__ = ["Look", "offered"]
