"""An ASGI app with a page, a stream and a WebSocket."""

import asyncio

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute


async def index(_request):
    return PlainTextResponse("async\n")


async def stream(_request):
    async def parts():
        for number in range(3):
            yield f"part {number}\n"
            await asyncio.sleep(1)

    return StreamingResponse(parts(), media_type="text/event-stream")


async def echo(socket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


app = Starlette(routes=[Route("/", index), Route("/stream", stream), WebSocketRoute("/echo", echo)])
