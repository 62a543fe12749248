"""Fetching: files of the archive into the cache, whatever the line and the server do, or an error that names the file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from engine.errors import DownloadError
from engine.recordings.download.archive import CHECKSUM, Zip
from engine.recordings.download.cache import Cache, Partial, sha256_in
from engine.recordings.download.manners import Manners
from engine.recordings.download.replies import Failure, content_start, judge, told
from engine.recordings.importers.source import LIMIT

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")
BLOCK = 1 << 16
_LONGEST_CHECKSUM = 4096
_KEPT = "what was fetched is kept: the same command goes on from there"


class Progress(NamedTuple):
    """How far a download is: the file last touched, files done and wanted, bytes received."""

    file: str
    done: int
    wanted: int
    bytes: int


class Fetcher:
    """Fetches files of the archive at `url` into a cache, few at a time; use it as an async context.

    `received` tells of each piece of a file: its name and how many bytes.
    """

    def __init__(self, url: str, cache: Cache, manners: Manners, received: Callable[[str, int], None]) -> None:
        self._url = url
        self._cache = cache
        self._manners = manners
        self._received = received
        self._turnstile = asyncio.Lock()
        self._rests = 0
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        import aiohttp

        patience = self._manners.patience
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, connect=patience, sock_read=patience),
            connector=aiohttp.TCPConnector(limit=self._manners.parallel),
            # A zip is what its bytes are: a length or range counted in other bytes would be of no use.
            headers={"User-Agent": "tickdeck", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=True,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self._session.close()

    async def fetch(self, wanted: Zip) -> tuple[Path, bool] | None:
        """Return where the file lies, whole and verified, and whether it was there before; None where the archive has none.

        Raises DownloadError naming the file where it cannot be had, or its checksum is wrong twice.
        """
        kept = await asyncio.to_thread(self._cache.find, wanted)
        if kept is not None:
            return kept, True
        for _ in range(2):
            sha256 = await self._checksum(wanted)
            if sha256 is None:
                return None
            path = await self._verified(wanted, sha256) if sha256 else None
            if path is not None:
                return path, False
        reason = f"is not what its {CHECKSUM} says" if sha256 else f"has no sha256 in its {CHECKSUM}"
        raise DownloadError(f"{wanted.name} {reason}, twice", hint=f"nothing was imported; try again later. {_KEPT}")

    async def _verified(self, wanted: Zip, sha256: str) -> Path | None:
        """Return where the file lies once it is there, None where it is not of that sha256."""
        with self._cache.partial(wanted, sha256) as part:
            await self._persist(wanted.name, lambda: self._stream(wanted, part), lambda: part.size)
            return await asyncio.to_thread(part.finish)

    async def _checksum(self, wanted: Zip) -> str | None:
        """Return the file's sha256, "" where its CHECKSUM holds none, None where the archive has no such file."""

        async def attempt() -> bytes | None:
            url = f"{self._url}/{wanted.path}{CHECKSUM}"
            async with asyncio.timeout(self._manners.patience), self._session.get(url) as response:
                return await _beginning(response, _LONGEST_CHECKSUM) if judge(response) else None

        async def is_there() -> bool:
            async with self._session.get(f"{self._url}/{wanted.path}", headers={"Range": "bytes=0-0"}) as response:
                return judge(response)

        content = await self._persist(wanted.name + CHECKSUM, attempt)
        if content is not None:
            return sha256_in(content)
        if await self._persist(wanted.name, is_there):
            raise DownloadError(f"{wanted.name} has no {CHECKSUM} in the archive, so it cannot be verified", hint=_KEPT)
        return None

    async def _stream(self, wanted: Zip, part: Partial) -> None:
        have = part.size
        headers = {"Range": f"bytes={have}-"} if have else {}
        loop = asyncio.get_running_loop()
        async with self._session.get(f"{self._url}/{wanted.path}", headers=headers) as response:
            if response.status == 416:
                # Either it is all there, which its checksum will tell, or it is not a part of that file.
                part.give_up_unless_whole()
                return
            if not judge(response):
                raise Failure("it was there a moment ago and is not now (HTTP 404)")
            if response.status != 206 or content_start(response) != have:
                part.truncate()
            slow = loop.time() + self._manners.patience
            block = 0
            while True:
                async with asyncio.timeout_at(slow):
                    piece = await response.content.readany()
                if not piece:
                    return
                part.write(piece)
                self._received(wanted.name, len(piece))
                if part.size > LIMIT:
                    raise DownloadError(f"{wanted.name} is too large: at most {LIMIT:,} bytes are read")
                block += len(piece)
                if block >= BLOCK:
                    slow, block = loop.time() + self._manners.patience, 0

    async def _persist(self, name: str, attempt: Callable[[], Awaitable[T]], size: Callable[[], int] = lambda: 0) -> T:
        """Return what an attempt does at last; raises DownloadError where it fails too often, or for good.

        `size` tells how far it got; a failure that came further than all before it begins a new count.
        """
        import aiohttp

        failures, furthest = 0, size()
        while True:
            async with self._turnstile:
                rests = self._rests
            failure: Failure
            try:
                return await attempt()
            except Failure as error:
                failure = error
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                failure = Failure(told(error))
            if size() >= furthest + BLOCK:
                failures, furthest = 0, size()
            failures += 1
            if failure.final or failures >= self._manners.tries:
                times = "" if failure.final else f", {failures} times in a row"
                raise DownloadError(f"{name} cannot be fetched from {self._url}: {failure}{times}", hint=failure.hint or _KEPT)
            wait = self._manners.wait(failures, failure.asked)
            if failure.asked is not None and failure.asked > self._manners.longest:
                raise DownloadError(
                    f"{self._url} asks to be left alone for {failure.asked:,.0f} seconds ({failure})", hint=_KEPT
                )
            if failure.for_all:
                await self._rest(wait, rests)
            else:
                await self._manners.sleep(wait)

    async def _rest(self, seconds: float, rests: int) -> None:
        """Let nobody ask for a while; one who was refused before a rest that is over has rested."""
        async with self._turnstile:
            if self._rests == rests:
                await self._manners.sleep(seconds)
                self._rests += 1


async def _beginning(response: aiohttp.ClientResponse, longest: int) -> bytes:
    content = b""
    while len(content) < longest and (piece := await response.content.readany()):
        content += piece
    return content[:longest]
