"""A Hugging Face hub of one folder, on this machine: real requests, real downloads, and every refusal."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c0ffee" + "0" * 34


class FakeHub:
    """Serves the files of a folder as model `name`, at one commit, under "main" and "v1"."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and range of every request."""
        self.refusal: tuple[int, str] | None = None
        """The status, and the hub's code for it, that every request is answered with."""
        self.cut_after: int | None = None
        """How many bytes of a weights file are sent before the connection breaks, once."""
        self.url = ""

    def fetched(self) -> list[str]:
        """The files whose content was asked for."""
        return [
            path.rsplit("/", 1)[-1] for method, path, _range in self.requests if method == "GET" and "/resolve/" in path
        ]

    @contextmanager
    def serving(self) -> Iterator[FakeHub]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self)

            def do_HEAD(self) -> None:
                hub.answer(self)

            def log_message(self, *_args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, _, _query = request.path.partition("?")
        self.requests.append((request.command, path, request.headers.get("Range")))
        if self.refusal is not None:
            _send(request, self.refusal[0], b"", {"X-Error-Code": self.refusal[1]})
        elif found := re.fullmatch(rf"/api/models/{self.name}(?:/revision/(.+))?", path):
            self._known(request, found[1] or "main") and self._info(request)
        elif found := re.fullmatch(rf"/api/models/{self.name}/tree/(.+)", path):
            self._known(request, found[1]) and self._tree(request)
        elif found := re.fullmatch(rf"/{self.name}/resolve/([^/]+)/(.+)", path):
            self._known(request, found[1]) and self._file(request, found[2])
        else:
            _send(request, 404, b"", {"X-Error-Code": "RepoNotFound"})

    def _known(self, request: BaseHTTPRequestHandler, revision: str) -> bool:
        if revision in ("main", "v1", COMMIT):
            return True
        _send(request, 404, b"", {"X-Error-Code": "RevisionNotFound"})
        return False

    def _files(self) -> dict[str, bytes]:
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}

    def _info(self, request: BaseHTTPRequestHandler) -> None:
        siblings = [{"rfilename": file, "size": len(content)} for file, content in self._files().items()]
        _send_json(request, {"id": self.name, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False})

    def _tree(self, request: BaseHTTPRequestHandler) -> None:
        files = self._files().items()
        _send_json(
            request,
            [{"type": "file", "oid": _sha(content), "size": len(content), "path": file} for file, content in files],
        )

    def _file(self, request: BaseHTTPRequestHandler, file: str) -> None:
        content = self._files().get(file)
        if content is None:
            _send(request, 404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        headers = {"ETag": f'"{_sha(content)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or "")
        start, status = (int(wanted[1]), 206) if wanted else (0, 200)
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if request.command == "GET" and file.endswith(".safetensors") and self.cut_after is not None:
            cut, self.cut_after = self.cut_after, None
            _send(request, status, content[start:], headers, sent=cut)
            return
        _send(request, status, content[start:], headers)


def _send_json(request: BaseHTTPRequestHandler, value: Any) -> None:
    _send(request, 200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _send(
    request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str], sent: int | None = None
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command == "GET":
        request.wfile.write(content[:sent])
    if sent is not None:
        request.close_connection = True


def _sha(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
