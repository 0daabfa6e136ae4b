"""Static files under ASGI: WhiteNoise finds and describes them, a thread reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, BinaryIO

from django.core.handlers.asgi import ASGIRequest
from whitenoise.middleware import WhiteNoiseMiddleware

if TYPE_CHECKING:
    from django.http import FileResponse, HttpRequest

PIECE_BYTES = 64 * 1024


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """WhiteNoise gives Django an iterator that blocks, which Django then reads whole before it sends."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> FileResponse:
        response: FileResponse = WhiteNoiseMiddleware.serve(static_file, request)
        if isinstance(request, ASGIRequest):
            response.streaming_content = pieces(response.file_to_stream)  # type: ignore[assignment]
        return response


async def pieces(file: BinaryIO | None) -> AsyncIterator[bytes]:
    """The bytes of a file, or none where only its headers were asked for."""
    while file is not None and (piece := await asyncio.to_thread(file.read, PIECE_BYTES)):
        yield piece
