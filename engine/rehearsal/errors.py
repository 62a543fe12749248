"""What the exchange says no with: its own codes and texts."""

from __future__ import annotations

from engine.exchange import REFUSALS


class ApiError(Exception):
    """A refusal as the exchange words it: code, text, HTTP status, and further keys of its body."""

    def __init__(self, code: int, message: str, status: int = 400, **more: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.more = more

    @property
    def body(self) -> dict[str, object]:
        """The JSON body of the reply."""
        return {"code": self.code, "msg": self.message, **self.more}


def refusal(code: int) -> ApiError:
    """Return the refusal of the kernel's code."""
    number, _, text = REFUSALS[code].partition(" ")
    return ApiError(int(number), text) if number.lstrip("-").isdigit() else ApiError(-2010, REFUSALS[code])
