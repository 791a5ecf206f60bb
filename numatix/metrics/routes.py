"""/metrics: Prometheus text, for the operator alone."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from engine.domain.values import Forbidden, Unauthenticated
from engine.identity import Identity
from engine.identity.limits import REQUESTS, network_of
from numatix.metrics.readings import Readings
from numatix.settings import LOOPBACK, PublicAddress, host_of

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def metrics_routes(
    registry: CollectorRegistry, readings: Readings, identity: Identity, address: PublicAddress, token: SecretStr | None
) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics(request: Request) -> Response:
        """Of this process. For this machine, whoever has the token of the settings, and owners."""
        if not is_of_this_machine(request, address):
            await _prove(request, identity, token)
        await readings.look()
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


def is_of_this_machine(request: Request, address: PublicAddress) -> bool:
    """Whether it comes from this machine, and not through a proxy on it: those speak for the whole world. With a public
    address a proxy is to be expected, even one that does not say what it is."""
    client = request.scope.get("client")
    headers = request.headers
    return (
        host_of(address.url.partition("://")[2]) in LOOPBACK
        and host_of(headers.get("host", "")) in LOOPBACK
        and not any(name in headers for name in FORWARDED)
        and client is not None
        and _is_loopback(client[0])
    )


async def _prove(request: Request, identity: Identity, token: SecretStr | None) -> None:
    """Unauthenticated, Forbidden, TooMany."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    given = given.strip()
    if scheme.lower() != "bearer" or not given:
        raise Unauthenticated("login_needed", "Metrics are for the operator: send a token, Authorization: Bearer …")
    if token is not None and hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        return
    await identity.limits.hit(REQUESTS, network_of(request.state.ip))
    if not (await identity.asker_by_bearer(given)).is_owner:
        raise Forbidden("owners_only", "Metrics are for owners.")


def _is_loopback(ip: str) -> bool:
    try:
        return ip_address(ip).is_loopback
    except ValueError:
        return False
