"""The program ``athena``: modules of one's own, from an empty file to the running server.

A door without logic of its own. What changes a server's modules is sent with the server's own token, which Jupyter
keeps in a file that only its user can read: a kernel's, which may analyse and nothing more, is never used for it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from athena_lab.client import LabClient
from athena_lab.errors import AthenaError, ModuleNotTaken, UnknownModule
from athena_lab.projects import project
from athena_lab.report.display import shown, size_text, visible

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from athena_lab import api
    from athena_lab.lab import Lab


class Server(NamedTuple):
    """A Jupyter server of this user that runs on this machine."""

    url: str
    token: str


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 1 where what was asked cannot be, which is said on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        done: int = arguments.run(arguments)
    except AthenaError as error:
        _complain(str(error))
        return 1
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="athena", description="Athena Lab: modules of your own.")
    parser.set_defaults(run=_help(parser))
    topics = parser.add_subparsers(metavar="TOPIC")
    modules = topics.add_parser("modules", help="make, build, check, load, list and remove modules of your own")
    modules.set_defaults(run=_help(modules))
    commands = modules.add_subparsers(metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(run=run)
        return added

    new = command("new", _new, "Make a project that can be built as it is.")
    new.add_argument("name", help="lower-case letters, digits and hyphens")
    kind = new.add_mutually_exclusive_group(required=True)
    for name in ("python", "rust"):
        kind.add_argument(f"--{name}", dest="kind", action="store_const", const=name)
    new.add_argument("--in", dest="parent", type=Path, default=Path(), metavar="DIR", help="where; default: here")
    build = command("build", _build, "Build the project in a folder.")
    build.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR")
    check = command("check", _check, "Say what a component imports, exports and describes, or why it is refused.")
    check.add_argument("file", type=Path, metavar="FILE")
    load = command("load", _load, "Add a component, or that of a project, to your modules; running servers take it.")
    load.add_argument("what", nargs="?", type=Path, default=Path(), metavar="DIR|FILE.wasm")
    remove = command("remove", _remove, "Remove a module of your own, here and from running servers.")
    remove.add_argument("name")
    command("list", _list, "List the modules, and what running servers have of them.")
    return parser


def _help(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """What a program without a command does: it says which there are."""

    def run(_arguments: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    return run


def _complain(text: str) -> None:
    """What a component or a tool has said may be in it: no character of it reaches the terminal as a command."""
    print("athena:", "\n".join(visible(line) for line in text.splitlines()), file=sys.stderr)


# -- projects


def _new(arguments: argparse.Namespace) -> int:
    made = project.new(arguments.name, arguments.kind, arguments.parent)
    print(f"Made {made.folder}. Next: athena modules build {made.folder}, and its README.md.")
    return 0


def _build(arguments: argparse.Namespace) -> int:
    found = project.load(arguments.folder)
    print(f"Building {found.name} ({found.kind}) ...", flush=True)
    component = project.build(found)
    print(f"Built {component}, {size_text(component.stat().st_size)}.")
    return 0


# -- components


def _check(arguments: argparse.Namespace) -> int:
    return asyncio.run(_checked(_read(arguments.file)))


async def _checked(wasm: bytes) -> int:
    async with _own_lab() as lab:
        found = await lab.inspect_module(wasm)
    for line in _about(found):
        print(line)
    if found.problem is not None:
        # To look at what `check` says is no next step here.
        step = "" if found.problem.next_step == ModuleNotTaken.next_step else found.problem.next_step
        _complain(f"{found.problem.detail} {step}".rstrip())
    return int(found.problem is not None)


def _load(arguments: argparse.Namespace) -> int:
    what: Path = arguments.what
    component = project.load(what).component if what.is_dir() else what
    if what.is_dir() and not component.exists():
        raise ModuleNotTaken(
            f"{str(component)!r} is not there.", module=component.stem, next_step=f"Run athena modules build {what}."
        )
    return asyncio.run(_loaded(_read(component)))


async def _loaded(wasm: bytes) -> int:
    """Servers first: what a server has taken is compiled, and need not be compiled again."""
    told = await _tell(lambda client: client.add_module(wasm))
    async with _own_lab() as lab:
        added = await lab.add_module(wasm)
    print(f"Added {shown(added.name, 64)} {shown(added.version or '', 20)}.{'' if told else ' No server runs.'}")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    return asyncio.run(_removed(arguments.name))


async def _removed(name: str) -> int:
    async def forget(lab: LabClient | Lab) -> None:
        with contextlib.suppress(UnknownModule):  # a server that shares this folder has done it for all
            await lab.remove_module(name)

    async with _own_lab() as lab:
        there = {module.name for module in (await lab.modules()).modules if module.foreign}
        await _tell(forget)
        if name not in there:
            raise UnknownModule(f"There is no module of your own with the name {name[:80]!r}.", next_step=_LIST)
        await forget(lab)
    print(f"Removed {name}.")
    return 0


_LIST = "`athena modules list` shows them."


def _list(_: argparse.Namespace) -> int:
    return asyncio.run(_listed())


async def _listed() -> int:
    async with _own_lab() as lab:
        _rows("Here", (await lab.modules()).modules, states=False)

    async def show(client: LabClient) -> None:
        _rows(client.url, (await client.modules()).modules, states=True)

    await _tell(show)
    return 0


def _rows(title: str, modules: Sequence[api.ModuleInfo], *, states: bool) -> None:
    print(title)
    for it in modules:
        whose = "yours" if it.foreign else "Athena Lab's"
        state = f", {it.status} {shown(it.version or '', 20)}".rstrip() if states else ""
        why = f" - {shown(it.detail)}" if it.detail else ""
        print(f"  {shown(it.name, 64):24} {whose}, {size_text(it.size)}{state}{why}")


def _about(found: api.Inspection) -> list[str]:
    lines = [f"SHA-256   {found.sha256}", f"Size      {size_text(found.size)}"]
    lines += _listed_names("Imports", found.imports) or ["Imports   nothing"]
    lines += _listed_names("Exports", found.exports)
    if (described := found.description) is not None:
        name, version = shown(described.name, 64), shown(described.version, 20)
        lines += [f"Module    {name} {version}: {shown(described.summary, 200)}"]
        functions = [f"{shown(it.name, 64)}: {shown(it.summary, 200)}" for it in described.functions[:_MOST]]
        lines += _listed_names("Function", functions, len(described.functions), 300)
    return lines


_MOST = 50
"""Lines of one kind: a component may have any number of names, of any length."""


def _listed_names(title: str, names: Sequence[str], count: int | None = None, width: int = 120) -> list[str]:
    lines = [f"{title:9} {visible(name, width)}" for name in names[:_MOST]]
    left = (len(names) if count is None else count) - len(lines)
    return [*lines, f"{title:9} and {left:,} more"] if left else lines


# -- labs


@contextlib.asynccontextmanager
async def _own_lab() -> AsyncIterator[Lab]:
    from athena_lab.lab import open_lab  # noqa: PLC0415 - `new` and `build` need no sandbox

    async with open_lab() as lab:
        yield lab


async def _tell(act: Callable[[LabClient], Awaitable[object]]) -> int:
    """Do it on every server; how many did it. One that cannot is named, and stops nobody."""
    done = 0
    for server in servers():
        async with LabClient(server.url, server.token) as client:
            try:
                await act(client)
                done += 1
            except ModuleNotTaken:
                raise
            except AthenaError as error:
                _complain(f"{server.url}: {error}")
    return done


def servers() -> list[Server]:
    """Jupyter servers of this user, by the files that they keep while they run."""
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415 - only here

    found = []
    for path in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        try:
            row = msgspec.json.decode(path.read_bytes(), type=_RuntimeFile)
        except (OSError, ValueError):  # MsgspecError is a ValueError
            continue
        if not _runs(row.pid):
            continue
        if (url := _here(row)) is None:
            _complain(f"{row.url} is left out: its token would leave this machine.")
        else:
            found.append(Server(url, row.token))
    return found


def _here(row: _RuntimeFile) -> str | None:
    """The server's address on this machine itself: its token is as good as its user, and travels nowhere else.

    A server that listens everywhere names itself by the machine's name, which is whatever a resolver says.
    """
    try:
        parts = urlsplit(row.url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"}:
        return None
    if host == "localhost" or _is_loopback(host):
        return row.url
    if row.hostname in _EVERYWHERE and port is not None:
        return parts._replace(netloc=f"127.0.0.1:{port}").geturl()
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 - recognised, not listened on


class _RuntimeFile(msgspec.Struct, frozen=True):
    url: str
    pid: int
    token: str = ""
    hostname: str = "localhost"
    """What it listens on."""


def _runs(pid: int) -> bool:
    """A server that was killed leaves its file behind. On Windows, to ask in this way would end it."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's, which has got the number since
        return False
    return True


def _read(path: Path) -> bytes:
    from athena_lab.wasm.own import read_component  # noqa: PLC0415 - as above

    return read_component(path, 1 << 28)


if __name__ == "__main__":
    sys.exit(main())
