"""A form's fields, waited for so long and no longer.

A body that comes a letter a minute holds one of the connections that boxes and people share, and nobody is known
before it has come: whoever opens enough of them would hold the door shut.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

PATIENCE_S = 30.0
"""How long a whole form may take to come: a few words and choices, over a poor line."""
FILE_PATIENCE_S = 300.0
"""The same with a file, of somebody who is known already."""


@asynccontextmanager
async def form_of(request: Request, most_fields: int, *, file: bool = False) -> AsyncIterator[FormData]:
    """Read the form of a request, with one ``file`` or none; HTTP status 408 where it does not come."""
    try:
        async with asyncio.timeout(FILE_PATIENCE_S if file else PATIENCE_S):
            form = await request.form(max_files=int(file), max_fields=most_fields)
    except TimeoutError as error:
        raise HTTPException(408, "The form did not arrive in time. Send it again.") from error
    try:
        yield form
    finally:
        await form.close()
