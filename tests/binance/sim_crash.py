"""`python -m tests.binance.sim_crash PART PARTS`: the power goes at every write of the journal of a run, one part of them.

At each write the process forks. The child's engine ends there: before the entry is on the disk, in the middle of it, or after
it and before anything else; what it meant to do next it never did. A new engine starts on what the disk has, and must find
everything as the exchange has it. The parent flies on to the next write.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.binance.sim import World
from tests.binance.sim_judge import judge

RATES = {
    "lost_request": 0.01,
    "lost_response": 0.02,
    "-1007": 0.02,
    "503": 0.02,
    "delay": 0.01,
    "drop_report": 0.03,
    "cut": 0.01,
}
SEED, ORDERS = 4, 200
PAGE = 4096


class CrashWorld(World):
    """A run whose engine ends at each write of its journal, in a process of its own."""

    def __init__(self, part: int, parts: int, folder: Path) -> None:
        super().__init__(SEED, folder / "j.db", ORDERS)
        self.rates = dict.fromkeys(self.rates, 0.0) | RATES
        self.part, self.parts, self.folder = part, parts, folder
        self.writes = self.crashes = 0
        self.failures: list[str] = []
        self.journal = type("CrashJournal", (self.journal,), {"append": lambda its, entries: self.append(its, entries)})

    def append(self, journal: Any, entries: Any) -> int:
        self.writes += 1
        mine = not self.calm and self.writes % self.parts == self.part
        if mine:
            self.crash("before")
        # as it is written, so that its child can be told what the disk would have
        number: int = super(type(journal), journal).append(entries)
        if mine:
            self.crash("after")
            if self.writes % 4 == 0:
                self.crash("torn")
        return number

    def crash(self, how: str) -> None:
        """Let a child's engine end here; what was wrong afterwards is a failure."""
        self.crashes += 1
        out, into = os.pipe()
        child = os.fork()
        if not child:
            self.end_here(how, into)
        os.close(into)
        with open(out, encoding="utf-8") as told:
            said = told.read()
        os.waitpid(child, 0)
        if said != "well":
            self.failures.append(f"write {self.writes}, {how}: {said or 'it ended'}")

    def disk(self) -> Path:
        """What is on the disk when the power has gone."""
        copy = self.folder / f"{os.getpid()}.db"
        for end in ("", "-wal"):
            if Path(f"{self.path}{end}").exists():
                shutil.copy(f"{self.path}{end}", f"{copy}{end}")
        if self.how == "torn":
            wal = Path(f"{copy}-wal")
            os.truncate(wal, max(wal.stat().st_size - PAGE // 2, 0))
        return copy

    def end_here(self, how: str, into: int) -> None:
        """Go on in the exchange's world alone, from within a call of the engine that never returns; tell what came of it."""
        self.how = how
        # what ends with the engine is nobody's business
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        try:
            task = asyncio.current_task(self.loop)
            if task is not None:
                asyncio.tasks._leave_task(self.loop, task)
            asyncio._set_running_loop(None)
            self.loop._thread_id = None
            said = self.recover()
        except BaseException as error:
            said = f"{type(error).__name__} {error}"
        finally:
            os.write(into, said.encode())
            os._exit(0)

    def recover(self) -> str:
        """Start anew on what the disk has; return what is wrong, "well" if nothing."""
        loop = self.loop
        for task in asyncio.all_tasks(loop):
            # the run itself ends too, but not the loop with it
            task.remove_done_callback(asyncio.base_events._run_until_complete_cb)
            task.cancel()
        self.flight.dead = True
        self.calm = True
        self.path = self.disk()
        for line in list(self.listeners):
            line.cut()
        loop.run_until_complete(self._recover())
        return "; ".join(self.wrong)[:500] or "well"

    async def _recover(self) -> None:
        await self.start()
        await self._come_to_rest(0.0)
        judge(self)


def main(part: int, parts: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        world = CrashWorld(part, parts, Path(folder))
        world.play()
        print(*world.failures[:5], f"{len(world.failures)} failures", sep="\n")
        print(f"{world.meant} orders, {world.writes} writes, {world.crashes} crashes")
        return 1 if world.failures or world.wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
