"""The REST door: routes, and how a request and its reply are told in HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from engine.rehearsal import signing
from engine.rehearsal.calls import Call, Operation, Reply, time_unit
from engine.rehearsal.errors import ApiError, error
from engine.rehearsal.limits import ORDERS, Usage
from engine.rehearsal.office import Office
from engine.rehearsal.operations import account, general, lists, market, orders, trading, wallet
from engine.rehearsal.params import Params

if TYPE_CHECKING:
    from engine.rehearsal.server import RehearsalServer

API = "/api/v3/"
TWICE = 2
"""Which of -1101's texts is the one for a parameter sent twice."""
ROUTES: dict[str, Operation] = {
    "GET ping": general.ping,
    "GET time": general.time,
    "GET exchangeInfo": general.exchange_info,
    "GET executionRules": general.execution_rules,
    "GET referencePrice": general.reference_price,
    "GET depth": market.depth,
    "GET trades": market.trades,
    "GET historicalTrades": market.historical_trades,
    "GET aggTrades": market.agg_trades,
    "GET klines": market.klines,
    "GET uiKlines": market.klines,
    "GET avgPrice": market.average_price,
    "GET ticker/24hr": market.ticker_day,
    "GET ticker/price": market.ticker_price,
    "GET ticker/bookTicker": market.ticker_book,
    "GET ticker": market.ticker_window,
    "POST order": trading.place,
    "POST order/test": trading.place_test,
    "POST order/cancelReplace": trading.cancel_replace,
    "PUT order/amend/keepPriority": trading.amend,
    "DELETE order": trading.cancel,
    "DELETE openOrders": trading.cancel_all,
    "GET order": orders.status,
    "GET openOrders": orders.open_orders,
    "GET allOrders": orders.all_orders,
    "GET order/amendments": orders.amendments,
    "GET myTrades": orders.my_trades,
    "GET myPreventedMatches": orders.prevented_matches,
    "POST orderList/oco": lists.place,
    "POST order/oco": lists.place_old,
    "DELETE orderList": lists.cancel,
    "GET orderList": lists.status,
    "GET openOrderList": lists.open_lists,
    "GET allOrderList": lists.all_lists,
    "GET account": account.account,
    "GET account/commission": account.commission,
    "GET rateLimit/order": account.order_limits,
    "GET myFilters": account.my_filters,
    "GET /sapi/v1/system/status": wallet.system_status,
    "GET /sapi/v1/margin/allPairs": wallet.margin_pairs,
    "GET /sapi/v1/margin/isolated/allPairs": wallet.isolated_margin_pairs,
    "GET /sapi/v1/capital/config/getall": wallet.coins,
    "GET /sapi/v1/asset/tradeFee": wallet.trade_fee,
    "GET /sapi/v1/account/apiRestrictions": wallet.api_restrictions,
    "GET /fapi/v1/exchangeInfo": wallet.futures_info,
    "GET /dapi/v1/exchangeInfo": wallet.futures_info,
}
"""The operations by method and path, which is under /api/v3/ unless it says otherwise."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(server: RehearsalServer) -> list[web.RouteDef]:
    """Return the routes of REST."""
    made = [web.route("*", API + "userDataStream", gone)]
    for name, operation in ROUTES.items():
        method, _, path = name.partition(" ")
        path = path if path.startswith("/") else API + path
        made.append(web.route(method, path, _handler(server.office, operation, f"{method} {path}")))
    return made


async def gone(request: web.Request) -> web.Response:
    """Say that user streams are had by the WebSocket API alone."""
    return web.json_response(error(-1020).body, status=410)


def _handler(office: Office, operation: Operation, name: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.text() if request.body_exists else ""
        try:
            reply = await office.answer(_call(office, operation, name, request, body))
        except ApiError as refusal:
            reply = Reply(status=refusal.status, body=refusal.body)
        if reply.lost and request.transport is not None:
            request.transport.close()
            return web.Response()
        return response(reply)

    return handle


def _call(office: Office, operation: Operation, name: str, request: web.Request, body: str) -> Call:
    # as it came: what aiohttp makes of it is no longer what was signed
    query = request.raw_path.partition("?")[2]
    signed, signature = signing.of_request(query, body)
    return Call(
        office=office,
        operation=operation,
        params=Params(read(body) | read(query)),
        door="rest",
        name=name,
        key=request.headers.get("X-MBX-APIKEY", ""),
        signed=signed,
        signature=signature,
        unit=time_unit(request.headers.get("X-MBX-TIME-UNIT")),
    )


def read(text: str) -> dict[str, str]:
    """Return the parameters of a query or a form; raises ApiError where one is there twice."""
    if not text:
        return {}
    pairs = parse_qsl(text, keep_blank_values=True)
    texts = dict(pairs)
    if len(texts) < len(pairs):
        raise error(-1101, form=TWICE)
    return texts


def response(reply: Reply) -> web.Response:
    """Return a reply as HTTP tells it."""
    headers = _headers(reply.used)
    if reply.retry_s:
        headers["Retry-After"] = str(reply.retry_s)
    headers["Content-Type"] = reply.media
    body = reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)
    return web.Response(body=body, status=reply.status, headers=headers)


def _headers(used: tuple[Usage, ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for rule, count in used:
        window = f"{rule.num}{rule.interval[0]}"
        if rule.kind == ORDERS:
            headers[f"X-MBX-ORDER-COUNT-{window}"] = str(count)
        else:
            headers["X-MBX-USED-WEIGHT"] = headers[f"X-MBX-USED-WEIGHT-{window}"] = str(count)
    return headers
