"""Many sessions of a running app at once, over Streamlit's own websocket.

`python -m benchmarks load` starts a server of its own; `python -m benchmarks.load PORT SESSIONS`
measures one that already runs on this machine. It types, traces and chooses tokens, a limited number
of times and for a limited time, on the loopback address only.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.engine import passages

PORT = 8599
SIZES = (30, 100)
CLICKS = 5
PAUSE_SECONDS = 3.0
"""Mean time between two actions of one person."""
PATIENCE_SECONDS = 120.0


class Visitor:
    """The messages of one browser: what it receives and what it sends."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ids: dict[str, str] = {}
        self._fragments: dict[str, str] = {}
        self._values: dict[str, tuple[str, object]] = {}
        self._socket: websockets.ClientConnection | None = None
        self.errors: list[str] = []

    async def open(self) -> float:
        """Open the Routing page. Returns the seconds until it was there."""
        self._socket = await websockets.connect(
            f"ws://127.0.0.1:{self._port}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            origin=websockets.Origin(f"http://127.0.0.1:{self._port}"),
            max_size=None,
            ping_interval=None,
        )
        return await self._rerun()

    async def trace(self, text: str) -> float:
        """Type a text and press the button. Returns the seconds until all of the answer was there."""
        self._values[self._ids["text"]] = "string_value", text
        seconds = await self._rerun(trigger=self._ids["show"])
        if not self._fragments.get("map"):
            self.errors.append("no map came")
        return seconds

    async def choose(self, token: int) -> float:
        """Choose a token in the map. Returns the seconds until its panel was there."""
        self._values[self._ids["map"]] = "json_value", json.dumps({"token": token})
        return await self._rerun(fragment=self._fragments["map"])

    async def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            await self._socket.close()

    async def _rerun(self, trigger: str = "", fragment: str = "") -> float:
        assert self._socket is not None
        message = BackMsg()
        for widget, (kind, value) in self._values.items():
            setattr(_state(message, widget), kind, value)
        if trigger:
            _state(message, trigger).trigger_value = True
        message.rerun_script.fragment_id = fragment
        message.rerun_script.page_script_hash = ""
        start = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._read(await self._socket.recv()):
                pass
        return time.perf_counter() - start

    def _read(self, raw: object) -> bool:
        """Handle one message. Returns whether it ends a run of the script."""
        assert isinstance(raw, bytes)
        message = ForwardMsg()
        message.ParseFromString(raw)
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            what = element.WhichOneof("type")
            if what == "text_area":
                self._ids["text"] = element.text_area.id
            elif what == "button" and element.button.label == "Show routing":
                self._ids["show"] = element.button.id
            elif what == "bidi_component" and element.bidi_component.component_name.endswith("routing_map"):
                self._ids["map"] = element.bidi_component.id
                self._fragments["map"] = message.delta.fragment_id
            elif what == "exception":
                self.errors.append(element.exception.message)
            elif what == "alert":
                self.errors.append(element.alert.body)
        return kind == "script_finished" and message.script_finished in (
            ForwardMsg.FINISHED_SUCCESSFULLY,
            ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
        )


def _state(message: BackMsg, widget: str):
    state = message.rerun_script.widget_states.widgets.add()
    state.id = widget
    return state


async def visit(port: int, sessions: int) -> dict[str, list[float] | int | list[str]]:
    """`sessions` people at once: each opens the page, types, runs and clicks, at their own pace."""
    chance = random.Random(sessions)
    texts = passages(sessions, (25, 35), seed=sessions)

    async def person(number: int) -> tuple[Visitor, float, float, list[float]]:
        visitor = Visitor(port)
        await asyncio.sleep(chance.random() * 2 * PAUSE_SECONDS)
        opened = await visitor.open()
        await asyncio.sleep(chance.random() * 2 * PAUSE_SECONDS)
        traced = await visitor.trace(texts[number])
        clicks = []
        for _ in range(CLICKS):
            await asyncio.sleep(chance.random() * 2 * PAUSE_SECONDS)
            clicks.append(await visitor.choose(chance.randrange(1, 25)))
        return visitor, opened, traced, clicks

    people = await asyncio.gather(*map(person, range(sessions)))
    for visitor, *_ in people:
        await visitor.close()
    return {
        "opened": [opened for _, opened, _, _ in people],
        "traced": [traced for *_, traced, _ in people],
        "clicks": [click for *_, clicks in people for click in clicks],
        "errors": [error for visitor, *_ in people for error in visitor.errors],
    }


@contextmanager
def server(port: int) -> Iterator[psutil.Process]:
    """The app on this port, its model loaded."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    try:
        asyncio.run(_first_visit(port))
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


async def _first_visit(port: int) -> None:
    for _ in range(100):
        visitor = Visitor(port)
        try:
            await visitor.open()
        except OSError:
            await asyncio.sleep(0.25)
            continue
        await visitor.trace("the first text waits for the model")
        await visitor.choose(1)
        await visitor.close()
        return
    raise SystemExit("the server did not start")


def report() -> Iterator[str]:
    """One line per number of sessions."""
    with server(PORT) as process:
        for sessions in SIZES:
            before = process.memory_info().rss
            seen = asyncio.run(visit(PORT, sessions))
            yield _line(sessions, seen, (process.memory_info().rss - before) / sessions)


def _line(sessions: int, seen: dict, memory: float | None) -> str:
    def times(name: str) -> str:
        return f"p50 {median(seen[name]):.2f} s, p95 {quantiles(seen[name], n=20)[-1]:.2f} s"

    grown = "" if memory is None else f"; memory {memory / 2**20:+.1f} MiB per session"
    return (
        f"| {sessions} sessions: open; trace of 25 to 35 words; click | {times('opened')}; {times('traced')};"
        f" {times('clicks')}; {len(seen['errors'])} errors{grown} |"
    )


if __name__ == "__main__":
    print(_line(int(sys.argv[2]), asyncio.run(visit(int(sys.argv[1]), min(int(sys.argv[2]), 500))), None))
