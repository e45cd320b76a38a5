"""The server extension: opens the one `Lab` of the server, and is the program ``jupyter athena``."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.extension.application import ExtensionApp
from tornado.netutil import bind_sockets
from traitlets import Bool, Float, Unicode, default
from traitlets import List as ListTrait
from traitlets.config import Config

from athena_lab.ai import DEFAULT_ROWS
from athena_lab.errors import AthenaError, PortInUse
from athena_lab.jupyter.handlers.base import UnknownRouteHandler
from athena_lab.jupyter.handlers.openapi import OpenApiHandler
from athena_lab.jupyter.handlers.routes import ROUTES
from athena_lab.lab import Lab, open_lab

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

PORT = 3000
_MAX_SOCKET_PATH = 100
"""Bytes; Linux takes 107, macOS 103."""
_OURS = r"/api/v1(?:/.*)?"


class AthenaApp(ExtensionApp):
    """Athena Lab in a Jupyter server."""

    name = "athena"
    description = "Athena Lab: a malware analyst's workbench inside JupyterLab."
    examples = (
        "jupyter athena                           # the workbench, at http://127.0.0.1:3000/lab\n"
        "jupyter athena --port=8888 --no-browser  # these and all options of `jupyter server` work\n"
    )
    extension_url = "/lab"
    file_url_prefix = "/lab/tree"
    load_other_extensions = True

    allowed_origins = ListTrait(
        Unicode(),
        help="Origins beyond the server's own whose pages may call our handlers, exactly as browsers send them "
        "(https://dashboard.example). Default: none.",
    ).tag(config=True)
    config_path = Unicode("", help="athena.toml to use instead of the one that is found; see also $ATHENA_CONFIG.").tag(
        config=True
    )
    keep_keys_from_kernels = Bool(
        help="Take the providers' API keys out of the environment that kernels and terminals inherit. Default: under "
        "`jupyter athena` yes; elsewhere no, since other extensions and kernels may rely on them."
    ).tag(config=True)

    header_timeout = Float(
        20.0, min=0.1, help="Seconds that a client of `jupyter athena` may take to send a request's header, or be idle."
    ).tag(config=True)
    body_timeout = Float(
        600.0, min=0.1, help="Seconds that a client of `jupyter athena` may take to send a request's body."
    ).tag(config=True)

    lab: Lab | None = None
    _launched = False
    """Whether this is ``jupyter athena``, and not an extension of another server program."""

    @default("keep_keys_from_kernels")
    def _keep_keys_by_default(self) -> bool:
        return self._launched

    @classmethod
    def make_serverapp(cls, **kwargs: Any) -> ServerApp:
        # Set before configuration is loaded, so that a flag or a file of the user wins.
        cls._launched = True
        server = super().make_serverapp(**kwargs)
        if "JUPYTER_PORT" not in os.environ:
            server.port = PORT
        server.port_retries = 0
        server.update_config(
            Config(
                {
                    "LabApp": {
                        "news_url": None,
                        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
                    },
                    "KernelManager": {"transport": _kernel_transport()},
                }
            )
        )
        return server

    def initialize_settings(self) -> None:
        self._refuse_taken_port()
        if self.config_path:
            os.environ["ATHENA_CONFIG"] = self.config_path
        try:
            self.lab = open_lab()
        except AthenaError as error:
            if self._launched:
                self._give_up(error)
            raise  # the server logs it, and goes on without this extension
        finally:
            if self.keep_keys_from_kernels:
                self._take_keys_away()
        self.settings["athena_lab"] = self.lab
        self.settings["athena_allowed_origins"] = frozenset(self.allowed_origins)
        self.settings["athena_kernel_token"] = secrets.token_urlsafe(32)

    def _take_keys_away(self) -> None:
        built_in = (variable for row in DEFAULT_ROWS for variable in row.key_variables)
        for variable in (*built_in, *(self.lab.config.key_variables if self.lab else ())):
            os.environ.pop(variable, None)

    def _refuse_taken_port(self) -> None:
        server = self.serverapp
        if not self._launched or server is None or server.sock or server.port_retries:
            return  # not our server, or its user wants it to look for another port
        try:
            for listener in bind_sockets(server.port, server.ip):
                listener.close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:  # the server names the others itself
                self._give_up(PortInUse(f"Port {server.port} is taken."))

    def _give_up(self, error: AthenaError) -> NoReturn:
        print(error, file=sys.stderr)  # noqa: T201 - for the person at the terminal, whatever the log level
        sys.exit(1)

    def initialize_handlers(self) -> None:
        self.handlers.extend((_pattern(route.path), route.handler) for route in ROUTES)
        self.handlers.append((r"/api/v1/openapi\.json", OpenApiHandler))
        self.handlers.append((_OURS, UnknownRouteHandler))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        # By now the server knows its address. Kernels inherit this process's environment.
        os.environ["ATHENA_URL"] = serverapp.connection_url
        os.environ["ATHENA_TOKEN"] = self.settings["athena_kernel_token"]
        if self._launched:
            self._limit_patience(serverapp)
        if self.lab is not None:
            self.lab.start()
            self._warm_up = asyncio.ensure_future(self.lab.wasm_status())

    def _limit_patience(self, server: ServerApp) -> None:
        # By tornado's defaults, connections that never finish a request stay until there is no file descriptor left.
        server.http_server.conn_params.header_timeout = self.header_timeout
        server.http_server.conn_params.body_timeout = self.body_timeout

    async def stop_extension(self) -> None:
        if self.lab is not None:
            await self.lab.aclose()


def _kernel_transport() -> str:
    """Sockets in the file system, which other users cannot reach, where their paths fit into a socket's address."""
    longest = Path(jupyter_runtime_dir()) / f"kernel-{'x' * 36}-ipc-99999"
    return "ipc" if os.name == "posix" and len(os.fsencode(longest)) <= _MAX_SOCKET_PATH else "tcp"


def _pattern(path: str) -> str:
    return re.sub(r"{\w+}", r"([^/]+)", path.replace(".", r"\."))


def main(argv: list[str] | None = None) -> None:
    """Entry point of ``jupyter athena``."""
    AthenaApp.launch_instance(sys.argv[1:] if argv is None else argv)  # type: ignore[no-untyped-call]  # traitlets
