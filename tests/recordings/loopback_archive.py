"""A public archive on loopback: it serves files as data.binance.vision does, counts who asks for what, and fails on demand."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, Self

from aiohttp import web

Fault = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


class Asked(NamedTuple):
    """A request: the file's name and the first byte asked for, None where all of it was."""

    name: str
    start: int | None


class LoopbackArchive:
    """`files` by path below data/spot; `faults` by file name, each used up by one request; `log` of what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.log: list[Asked] = []
        self.sent: dict[str, int] = {}
        self.ranges = True
        self.busy = 0
        self.busiest = 0
        self.before: Callable[[], Awaitable[None]] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Awaitable[None]) -> None:
        """Do this on the server's own loop."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    def put(self, path: str, content: bytes, checksum: str | None = None) -> None:
        """Serve a zip, and its CHECKSUM beside it; "" for none."""
        name = path.rpartition("/")[2]
        self.files[path] = content
        said = hashlib.sha256(content).hexdigest() if checksum is None else checksum
        if said:
            self.files[path + ".CHECKSUM"] = f"{said}  {name}".encode()

    def put_text(self, path: str, text: str) -> None:
        """Serve a CSV, zipped as the archive does."""
        self.put(path, zipped(path.rpartition("/")[2].replace(".zip", ".csv"), text))

    def mirror(self, folder: Path, path: str) -> None:
        """Serve the files of a folder below `path`."""
        for file in folder.iterdir():
            self.files[f"{path}/{file.name}"] = file.read_bytes()

    def names(self) -> list[str]:
        """The names asked for since the last call, sorted."""
        names = sorted(asked.name for asked in self.log)
        self.log.clear()
        return names

    def zips(self) -> list[str]:
        """The zips that were asked for and are there, sorted, since the last call."""
        there = {path.rpartition("/")[2] for path in self.files}
        return [name for name in self.names() if name.endswith(".zip") and name in there]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"].removeprefix("data/spot/")
        name = path.rpartition("/")[2]
        start = request.http_range.start if "Range" in request.headers else None
        self.log.append(Asked(name, start))
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            if self.before is not None:
                await self.before()
            content = self.files.get(path)
            if self.faults.get(name):
                return await self.faults[name].pop(0)(request, content or b"")
            if content is None:
                return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
            return self._reply(name, content, start if self.ranges else None)
        finally:
            self.busy -= 1

    def _reply(self, name: str, content: bytes, start: int | None) -> web.Response:
        if start is not None and start >= len(content):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        body = content[start or 0 :]
        self.sent[name] = self.sent.get(name, 0) + len(body)
        if start is None:
            return web.Response(body=body)
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return web.Response(status=206, body=body, headers=headers)


def zipped(name: str, text: str) -> bytes:
    """One file in a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


# what can go wrong with one request


def status(code: int, **headers: str) -> Fault:
    async def fault(request: web.Request, content: bytes) -> web.StreamResponse:
        return web.Response(status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return fault


def instead(content: bytes) -> Fault:
    """Other bytes, as a portal that wants a login gives."""

    async def fault(request: web.Request, _: bytes) -> web.StreamResponse:
        return web.Response(body=content, content_type="text/html")

    return fault


def cut(after: int) -> Fault:
    """The line breaks after so many bytes."""

    async def fault(request: web.Request, content: bytes) -> web.StreamResponse:
        reply = await _begun(request, content, after)
        assert request.transport is not None
        request.transport.close()
        return reply

    return fault


def trickle(after: int) -> Fault:
    """So many bytes, then one now and then: alive, and never done."""

    async def fault(request: web.Request, content: bytes) -> web.StreamResponse:
        reply = await _begun(request, content, after)
        for byte in content[after:]:
            await asyncio.sleep(0.03)
            await reply.write(bytes([byte]))
        return reply

    return fault


def stall(after: int, reached: threading.Event) -> Fault:
    """So many bytes, then silence."""

    async def fault(request: web.Request, content: bytes) -> web.StreamResponse:
        reply = await _begun(request, content, after)
        reached.set()
        await asyncio.sleep(60)
        return reply

    return fault


async def _begun(request: web.Request, content: bytes, after: int) -> web.StreamResponse:
    start = request.http_range.start or 0 if "Range" in request.headers else 0
    reply = web.StreamResponse(status=206 if start else 200, headers={"Content-Length": str(len(content) - start)})
    if start:
        reply.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    await reply.prepare(request)
    await reply.write(content[start:after])
    return reply
