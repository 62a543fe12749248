"""What the exchange says no with: its own codes and texts."""

from __future__ import annotations

from engine.exchange import REFUSALS

TEXTS: dict[int, tuple[str, ...]] = {
    -1000: ("An unknown error occurred while processing the request.",),
    -1001: ("Internal error; unable to process your request. Please try again.",),
    -1002: ("You are not authorized to execute this request.",),
    -1003: (
        "Too many requests queued.",
        "Too much request weight used; current limit is %s request weight per %s. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        "Way too much request weight used; IP banned until %s. Please use WebSocket Streams for live updates to avoid bans.",
    ),
    -1006: ("An unexpected response was received from the message bus. Execution status unknown.",),
    -1007: ("Timeout waiting for response from backend server. Send status unknown; execution status unknown.",),
    -1008: ("Server is currently overloaded with other requests. Please try again in a few minutes.",),
    -1014: ("Unsupported order combination.",),
    -1015: ("Too many new orders.", "Too many new orders; current limit is %s orders per %s."),
    -1016: ("This service is no longer available.",),
    -1020: ("This operation is not supported.",),
    -1021: (
        "Timestamp for this request is outside of the recvWindow.",
        "Timestamp for this request was 1000ms ahead of the server's time.",
    ),
    -1022: ("Signature for this request is not valid.",),
    -1034: (
        "Too many concurrent connections; current limit is '%s'.",
        "Too many connection attempts for account; current limit is %s per '%s'.",
        "Too many connection attempts from IP; current limit is %s per '%s'.",
    ),
    -1100: (
        "Illegal characters found in a parameter.",
        "Illegal characters found in parameter '%s'; legal range is '%s'.",
    ),
    -1101: (
        "Too many parameters sent for this endpoint.",
        "Too many parameters; expected '%s' and received '%s'.",
        "Duplicate values for a parameter detected.",
    ),
    -1102: (
        "A mandatory parameter was not sent, was empty/null, or malformed.",
        "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
        "Param '%s' or '%s' must be sent, but both were empty/null!",
        "'%s' contains unexpected value. Cannot be greater than %s.",
    ),
    -1103: ("An unknown parameter was sent.",),
    -1104: (
        "Not all sent parameters were read.",
        "Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'.",
    ),
    -1105: ("A parameter was empty.", "Parameter '%s' was empty."),
    -1106: ("A parameter was sent when not required.", "Parameter '%s' sent when not required."),
    -1108: ("Parameter '%s' overflowed.",),
    -1111: ("Parameter '%s' has too much precision.",),
    -1112: ("No orders on book for symbol.",),
    -1114: ("TimeInForce parameter sent when not required.",),
    -1115: ("Invalid timeInForce.",),
    -1116: ("Invalid orderType.",),
    -1117: ("Invalid side.",),
    -1118: ("New client order ID was empty.",),
    -1119: ("Original client order ID was empty.",),
    -1120: ("Invalid interval.",),
    -1121: ("Invalid symbol.",),
    -1122: ("Invalid symbolStatus.",),
    -1125: ("This listenKey does not exist.",),
    -1127: ("Lookup interval is too big.", "More than %s hours between startTime and endTime."),
    -1128: ("Combination of optional parameters invalid.",),
    -1130: ("Invalid data sent for a parameter.", "Data sent for parameter '%s' is not valid."),
    -1134: ("`strategyType` was less than 1000000.",),
    -1135: ("Invalid JSON Request", "JSON sent for parameter '%s' is not valid"),
    -1139: ("Invalid ticker type.",),
    -1145: ("`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.",),
    -1151: ("Symbol is present multiple times in the list.",),
    -1158: ("Order type not supported in OCO.",),
    -1160: ("Parameter '%s' is not supported if `aboveTimeInForce`/`belowTimeInForce` is not GTC.",),
    -1165: ("A limit order in a buy OCO must be below.",),
    -1166: ("A limit order in a sell OCO must be above.",),
    -1168: ("At least one OCO order must be contingent.",),
    -1194: ("Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",),
    -1196: ("A stop loss order in a buy OCO must be above.",),
    -1197: ("A stop loss order in a sell OCO must be below.",),
    -1220: ("The symbol's status does not match the requested symbolStatus.",),
    -2013: ("Order does not exist.",),
    -2014: ("API-key format invalid.",),
    -2015: ("Invalid API-key, IP, or permissions for action.",),
    -2016: ("No trading window could be found for the symbol. Try ticker/24hrs instead.",),
    -2026: ("Order was canceled or expired with no executed qty over 90 days ago and has been archived.",),
    -2035: ("User Data Stream subscription already active.",),
    -2036: ("User Data Stream subscription not active.",),
    -2039: ("Client order ID is not correct for this order ID.",),
    -2042: ("Maximum subscription ID reached for this connection.",),
    -2043: ("This symbol doesn't have a reference price.",),
}
"""The texts of each code, in the exchange's words; `%s` stands for what a refusal names.

-1013, -2010, -2011 and -2038 have none of their own: they say which filter or rule it was.
"""
STATUSES = {
    -1000: 500,
    -1001: 500,
    -1002: 401,
    -1003: 429,
    -1006: 500,
    -1007: 408,
    -1008: 503,
    -1015: 429,
    -1016: 503,
    -2014: 401,
    -2015: 401,
}
"""The HTTP status of a code; of all others it is 400."""


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


def error(code: int, *words: object, form: int | None = None) -> ApiError:
    """Return a refusal in the first of the code's texts that names as many `words`, or in the text of that number."""
    texts = TEXTS[code]
    text = texts[form] if form is not None else next(text for text in texts if text.count("%s") == len(words))
    return ApiError(code, text % words, STATUSES.get(code, 400))


def refusal(code: int) -> ApiError:
    """Return the refusal of the kernel's code."""
    number, _, text = REFUSALS[code].partition(" ")
    return ApiError(int(number), text) if number.lstrip("-").isdigit() else ApiError(-2010, REFUSALS[code])


def filter_failure(name: str) -> ApiError:
    """Return the refusal of a filter."""
    return ApiError(-1013, f"Filter failure: {name}")
