"""Cells that are closed again."""

from __future__ import annotations

import pytest

from tests.report.make import report
from tests.widgets.cells import Cell, SayingLab


@pytest.fixture
def cell_of():
    cells = []

    def make(*events, **options):
        lab = options.pop("lab", SayingLab)(*events)
        cells.append(Cell(lab, options.pop("about", report()), **options))
        return cells[-1]

    yield make
    for cell in cells:
        cell.close()
