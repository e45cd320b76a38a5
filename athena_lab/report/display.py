"""Words, numbers and hostile text for people: what the renderers share."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from athena_lab.report.findings import Severity

SEVERITY_WORDS: dict[Severity, str] = {
    "critical": "Critical",
    "high": "High",
    "medium": "Medium",
    "low": "Low",
    "info": "Info",
}
SHOWN_CATEGORIES = frozenset(("L", "M", "N", "P", "S"))
SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_UNUSUAL = re.compile(r"[^\x20-\x7e]")
_URL = re.compile(r"([a-z][a-z0-9+.-]{0,31})://([^\s/?#\"'<>]*)", re.IGNORECASE)
_WWW = re.compile(r"\bwww\.(?=[\w-])", re.IGNORECASE)
_MAIL = re.compile(r"(?<=[\w.+-])@(?=[\w-]+\.)")
_IPV4 = re.compile(r"(?<![\d.])((?:\d{1,3}\.){2}\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_ATTACK_ID = re.compile(r"T([0-9]{4})(?:\.([0-9]{3}))?")


def visible(text: str, limit: int | None = None) -> str:
    r"""Text in which nothing hides: control, bidirectional, invisible and unassigned characters become ``\x1b``,
    ``\u202e``. Cut to ``limit`` characters, the cut marked.
    """
    if limit is not None and len(text) > limit:
        return visible(text[:limit]) + "…"
    return _UNUSUAL.sub(_reveal, text)


def defang(text: str) -> str:
    """URLs, mail and IPv4 addresses in the customary form that no program follows: ``hxxp[://]evil[.]example``."""
    text = _URL.sub(_defang_url, text)
    text = _WWW.sub("www[.]", text)
    text = _MAIL.sub("[@]", text)
    return _IPV4.sub(r"\1[.]\2", text)


def shown(text: str, limit: int | None = None) -> str:
    """Hostile text as it may be shown: visible and defanged. Still to be escaped for the format at hand."""
    return defang(visible(text, limit))


def size_text(size: int) -> str:
    """``1.5 MiB``; exact bytes below 1 KiB."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:  # noqa: PLR2004 - the unit's own step
            return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 library``, ``1,024 libraries``; ``many`` is for what does not just take an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def seconds_text(seconds: float) -> str:
    """``12 ms``, ``1.25 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def time_text(unix: int) -> str:
    """UTC; times that no calendar holds are shown as the number they are."""
    try:
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return str(unix)


def span_text(first: int | None, last: int | None) -> str:
    """Two times, of which either may be missing."""
    return " to ".join("no date" if unix is None else time_text(unix) for unix in (first, last))


def technique_url(technique: str) -> str | None:
    """The page of an ATT&CK technique; None for what is not the id of one."""
    match = _ATTACK_ID.fullmatch(technique)
    if match is None:
        return None
    return f"https://attack.mitre.org/techniques/T{match[1]}/" + (f"{match[2]}/" if match[2] else "")


def _reveal(match: re.Match[str]) -> str:
    character = match[0]
    if unicodedata.category(character)[0] in SHOWN_CATEGORIES:
        return character
    code = ord(character)
    if character in SHORT_ESCAPES:
        return SHORT_ESCAPES[character]
    if code < 0x100:  # noqa: PLR2004 - what two digits hold
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold


def _defang_url(match: re.Match[str]) -> str:
    scheme = match[1].lower().replace("http", "hxxp").replace("ftp", "fxp")
    return f"{scheme}[://]{match[2].replace('.', '[.]')}"
