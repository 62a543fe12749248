"""A stand-in for the engine host: a made-up market over the real socket and the real protocol.

Run by a link it reads its spec from stdin. `python tests/tui/fake_host.py deck` opens the deck on it; faults come by the spec's
recording: "crash", "silent", "exit3", "garbage", "fatal", "lingers", "hung", "tidy", "stubborn"; so do the modes that trade:
"rehearsal", "testnet", "demo", "live", and "trouble" for a testnet where things go wrong. "travel" is a replay
whose time can be gone back in.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fake_travel import TravelWorld
from fake_world import ENVIRONMENTS, World

from engine.host.protocol import Command, Failure, Progress, Reader, Shutdown, pack


def serve() -> None:
    """Fly the made-up market for the deck that connects, until it goes or says so."""
    spec = json.load(sys.stdin)
    fault = spec["recording"] or ""
    if fault == "exit3":
        print("Traceback of a sort", file=sys.stderr)
        print("MemoryError: no more of it", file=sys.stderr)
        sys.exit(3)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(spec["socket"])
    os.chmod(spec["socket"], 0o600)
    listener.listen(1)
    deck, _ = listener.accept()

    def send(*reports: object) -> None:
        deck.sendall(b"".join(pack(report) for report in reports))  # type: ignore[arg-type]

    send(Progress("opening demo"))
    if fault in ("fatal", "lingers"):
        send(
            Failure(
                "Recording", "recordings/nowhere: there is no such recording", "tickdeck recordings lists what is there", True
            )
        )
        if fault == "lingers":
            deck.close()
            time.sleep(60)
        return
    if fault == "garbage":
        deck.sendall(b"\xff\xff\xff\xff nothing of the kind")
        time.sleep(60)
    if fault == "slow":
        for text in ("opening demo", "compiling the exchange kernel (once, 15 s)", "computing features"):
            send(Progress(text))
            time.sleep(1)
    if fault == "tidy":
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit(7)))
    if fault == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    world = (TravelWorld if fault == "travel" else World)(at=int(spec["at"] or 700) + 1, clock=None)
    world.clock = time.time_ns()
    if fault in ENVIRONMENTS or fault == "trouble":
        world.go_trading(fault if fault in ENVIRONMENTS else "testnet")
        world.speed = 1.0
        world.stages()
        if fault == "trouble":
            world.halted, world.stopped = "SmaCross failed: ZeroDivisionError", "risk: a loss of 6.00 % today"
        else:
            world.orders = [order for order in world.orders if order.stage != "UNKNOWN"]
            world.tell(unknown=0)
    send(world.hello(), world.events(), *world.news(), world.frame())
    if fault == "silent":
        time.sleep(60)
    print("hello from the strategy", flush=True)
    reader = Reader(Command)
    due, owed = time.monotonic(), 0.0
    while True:
        ready, _, _ = select.select([deck], [], [], max(0.0, due - time.monotonic()))
        moved = False
        if ready:
            data = deck.recv(1 << 16)
            if not data:
                return
            for command in reader.feed(data):
                if isinstance(command, Shutdown):
                    return
                send(*world.obey(command), *world.news())
                moved = True
                while fault == "hung" and world.done > 701:
                    pass
                if fault == "crash" and world.done > 701:
                    print("Segmentation of a sort", file=sys.stderr, flush=True)
                    os.kill(os.getpid(), 9)
        if time.monotonic() >= due:
            due = time.monotonic() + 0.1
            if world.playing:
                owed += (world.speed or 2000) / 10
                world.step(int(owed))
                owed -= int(owed)
            moved = True
        if moved:
            world.clock = time.time_ns()
            send(world.frame())


def deck() -> None:
    """Open the deck on this script as its host."""
    from tui.fly import fly
    from tui.link import EngineLink
    from tui.mailbox import HostSpec

    fault = sys.argv[2] if len(sys.argv) > 2 else None
    mode = fault if fault in ENVIRONMENTS else ""
    fly(HostSpec(recording=fault, mode=mode), lambda spec: EngineLink(spec, (sys.executable, __file__)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["deck"]:
        deck()
    else:
        serve()
