"""`GET /problems/{slug}`: the documentation of each type of problem."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from app.api.problem_kinds import ALL_KINDS


def create_router(root_path: str = "") -> APIRouter:
    """Routes that document the types of problems.

    Args:
        root_path: path under which a proxy serves the app; empty without one.
    """
    router = APIRouter(include_in_schema=False)
    known = {kind.slug: kind for kind in ALL_KINDS}

    @router.get("/problems/{slug}")
    async def problem(slug: str) -> dict[str, str | int]:
        """What a type of problem means and what to do about it."""
        if slug not in known:
            raise HTTPException(404)
        kind = known[slug]
        return {
            "type": kind.type_under(root_path),
            "title": kind.title,
            "status": kind.status,
            "remedy": kind.remedy,
        }

    return router
