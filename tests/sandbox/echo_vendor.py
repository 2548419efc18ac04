"""A vendor with nothing of its own, to test the frame with."""

import hashlib
import hmac
import json
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.frame import Answer, Call, Json, Refusal, World


class Echo:
    """POST /things makes a thing; GET /things lists them; POST /refused writes and then refuses."""

    name = "echo"
    prefix = "/echo"
    secret = "whsec_echo"

    def operation(self, call: Call) -> str:
        return "echo." + {"POST": "make", "GET": "list"}[call.method]

    def handle(self, call: Call, world: World) -> Answer:
        if call.method == "GET":
            return Answer(200, {"things": world.find("thing"), "red": len(world.find("thing", colour="red"))})
        thing = {"id": world.new_id("thg"), **json.loads(call.body or b"{}")}
        world.put("thing", thing["id"], thing, colour=thing.get("colour"))
        world.ledger("echo", "thing.made", id=thing["id"])
        if call.path == "/refused":
            raise Refusal(Answer(422, {"error": "no"}))
        if call.path == "/broken":
            raise RuntimeError("a bug")
        if call.path == "/later":
            world.later(thing["seconds"], "echo", "paint", {"id": thing["id"]})
        if call.path == "/tell":
            world.emit("echo", {"id": thing["id"], "type": thing.get("type", "thing.made")})
        return Answer(201, thing)

    def on_timer(self, world: World, action: str, payload: Json) -> None:
        thing = world.get("thing", payload["id"])
        assert thing is not None
        thing["colour"] = action
        world.put("thing", thing["id"], thing, colour=action)

    def sign(self, body: bytes, now: datetime) -> dict[str, str]:
        return {"x-echo": hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()}

    def webhook_url(self, site: str) -> str:
        return f"{site}/hook"

    def odd(self, kind: str, call: Call, world: World) -> Answer | None:
        if kind == "status":
            return Answer(world.fault["status"], {"echo_error": world.fault["status"]})
        return Answer(202, {"odd": kind}) if kind == "202" else None

    def routes(self) -> list[Route]:
        return [Route("/echo/raw", self._raw)]

    async def _raw(self, request: Request) -> JSONResponse:
        world: World = request.app.state.world
        with world.transaction():
            world.put("thing", "raw", {"id": "raw"})
        return JSONResponse({"raw": True})


VENDOR = Echo()
