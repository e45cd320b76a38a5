"""What a lab says of itself in a notebook's cell."""

from __future__ import annotations

from athena_lab.lab import open_lab

KEY = "sk-ant-very-secret-0123456789"


async def test_a_lab_says_what_it_has_and_no_secret():
    lab = open_lab(environ={"ANTHROPIC_API_KEY": KEY})
    assert repr(lab) == "<Lab in this process, 0 modules loaded; providers: claude>"
    await lab.aclose()
    assert repr(lab) == "<Lab, closed>"
    without = open_lab(environ={})
    assert "providers: none" in repr(without)
    await without.aclose()
