"""What particular formats say, as file-processor tells it: shortcuts, installers, Android, Java and Python."""

from __future__ import annotations

import msgspec

from athena_lab.report.fact import Fact


class Shortcut(Fact, frozen=True):
    """A Windows shortcut ([MS-SHLLINK])."""

    window: str
    target: str = ""
    """The best of ``targets``."""
    arguments: str = ""
    description: str = ""
    relative_path: str = ""
    working_folder: str = ""
    icon: str = ""
    icon_index: int = 0
    target_size: int = 0
    created: int | None = None
    """Of the target, as are the next two."""
    accessed: int | None = None
    modified: int | None = None
    targets: dict[str, str] = msgspec.field(default_factory=dict)
    """By where it is named: ``id-list``, ``link-info``, ``network``, ``environment``, ``vista id list``."""
    volume_serial: str = ""
    volume_label: str = ""
    drive: str = ""
    machine: str = ""
    """NetBIOS name of the machine on which the shortcut was made."""
    mac: str = ""
    """Address of a network card of that machine."""
    known_folder: str = ""
    blocks: tuple[str, ...] = ()
    appended: int = 0
    """Bytes behind the shortcut's end."""


class CustomAction(Fact, frozen=True):
    name: str
    kind: int
    """``Type`` in the table."""
    runs: str
    source: str = ""
    target: str = ""


class Installer(Fact, frozen=True):
    """A Windows Installer package. ``tables`` has their rows."""

    tables: dict[str, int]
    properties: dict[str, str] = msgspec.field(default_factory=dict)
    actions: tuple[CustomAction, ...] = ()
    files: tuple[str, ...] = ()


class Component(Fact, frozen=True):
    kind: str
    name: str
    is_exported: bool = False
    actions: tuple[str, ...] = ()


class Android(Fact, frozen=True):
    """An Android package. Signatures are there or not; they are not verified."""

    package: str
    version_name: str = ""
    version_code: str = ""
    min_sdk: str = ""
    target_sdk: str = ""
    is_debuggable: bool = False
    permissions: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    signatures: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    """Common names, unverified."""


class Dex(Fact, frozen=True):
    """A Dalvik executable."""

    version: str
    is_checksum_valid: bool
    strings: int
    methods: int
    class_count: int
    classes: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    """Methods of the platform that reach beyond the application."""


class Java(Fact, frozen=True):
    """A Java class, or the manifest of an archive of them."""

    main_class: str = ""
    manifest: dict[str, str] = msgspec.field(default_factory=dict)
    name: str = ""
    parent: str = ""
    version: str = ""
    references: tuple[str, ...] = ()
    """Names of classes."""
    strings: tuple[str, ...] = ()


class Python(Fact, frozen=True):
    """Compiled Python. ``imports`` is empty for versions whose instructions are not known here (3.14 and above)."""

    version: str
    code_objects: int
    source: str = ""
    """The file that it was compiled from."""
    modified: int | None = None
    functions: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()


class Bundle(Fact, frozen=True):
    """A program that carries another one."""

    kind: str
    """``pyinstaller``, ``nsis``, ``inno``, ``autoit``, ``node``, ``node-sea``."""
    version: str = ""
    entry: str = ""
    """What it starts."""
    properties: dict[str, str] = msgspec.field(default_factory=dict)


class Contents(Fact, frozen=True):
    """What the format of the sample says; one of them, or none."""

    shortcut: Shortcut | None = None
    installer: Installer | None = None
    android: Android | None = None
    dex: Dex | None = None
    java: Java | None = None
    python: Python | None = None
    bundle: Bundle | None = None
