"""What documents and messages in a sample hold, as file-processor reports it: macros, scripts, links, objects, mail.

All text is the sample's own and hostile. Offsets are bytes from the start of the document, sizes are bytes of the whole
thing, of which text that is listed may be only the beginning.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from athena_lab.report.fact import Fact


class Call(Fact, frozen=True):
    """A line of a macro that reaches beyond the document."""

    word: str
    """What in it says so, in lower case."""
    line: int
    """From 1."""
    text: str


class MacroModule(Fact, frozen=True):
    """A module of a VBA project."""

    name: str
    kind: Literal["module", "class", "document", "form"]
    offset: int
    """Of the packed source in its stream."""
    size: int
    """Bytes of the source, unpacked."""
    sha256: str
    """Of the source's bytes, unpacked and not decoded."""
    source: str
    stream: str = ""
    automatic: tuple[str, ...] = ()
    """Procedures in it that run without being called."""
    calls: tuple[Call, ...] = ()


class MacroProject(Fact, frozen=True):
    """A VBA project. Without modules, it is there and cannot be read."""

    place: str
    """Where in the document: the path of its storage or part."""
    modules: tuple[MacroModule, ...]
    name: str = ""
    code_page: int = 0
    references: tuple[str, ...] = ()


class Formula(Fact, frozen=True):
    cell: str
    text: str
    """As Excel would show it; ``?`` stands for what could not be read."""


class MacroSheet(Fact, frozen=True):
    """A sheet of Excel 4.0 macros. ``count`` counts all formulas."""

    name: str
    state: Literal["visible", "hidden", "very-hidden"]
    count: int
    formulas: tuple[Formula, ...]
    automatic: tuple[str, ...] = ()
    """Names of the workbook that Excel runs by itself."""


class Script(Fact, frozen=True):
    """Source text of a script: of a PDF, or of a form in it."""

    language: Literal["javascript", "formcalc"]
    place: str
    size: int
    sha256: str
    source: str


class Link(Fact, frozen=True):
    """What a document points to, loads or starts."""

    kind: Literal[
        "dde", "dde-auto", "template", "ole-link", "frame", "field", "external", "hyperlink",
        "uri", "launch", "submit-form", "remote-document", "embedded-document", "import-data",
    ]  # fmt: skip
    target: str
    place: str = ""


class EmbeddedObject(Fact, frozen=True):
    """An object or a file inside of a document or message; files are children of the sample too."""

    kind: Literal[
        "activex", "attachment", "equation", "message", "message-body", "ole-native", "ole-object", "ole-package",
        "onenote-file", "package-part",
    ]  # fmt: skip
    size: int
    sha256: str
    class_: str = msgspec.field(default="", name="class")
    """Name or id of its class, as the document has it."""
    name: str = ""
    path: str = ""
    """Where its maker had it."""
    temporary_path: str = ""
    offset: int | None = None
    format: str = ""
    """`Format.id` of its content."""


class Mail(Fact, frozen=True):
    """A message's header and text, as they are written; nothing of it is confirmed."""

    subject: str = ""
    sender: str = ""
    reply_to: str = ""
    return_path: str = ""
    recipients: tuple[str, ...] = ()
    date: str = ""
    message_id: str = ""
    received: tuple[str, ...] = ()
    """The latest first."""
    authentication: tuple[str, ...] = ()
    """What servers on the way say of SPF, DKIM and DMARC."""
    text: str = ""
    html: str = ""


class DocumentFacts(Fact, frozen=True):
    """One document. All lists are cut, and their texts share 4 MiB with those of the other documents of the sample."""

    child: int | None = None
    """Index of the child that it is; None: the sample itself."""
    macros: tuple[MacroProject, ...] = ()
    macro_sheets: tuple[MacroSheet, ...] = ()
    scripts: tuple[Script, ...] = ()
    links: tuple[Link, ...] = ()
    objects: tuple[EmbeddedObject, ...] = ()
    mail: Mail | None = None
