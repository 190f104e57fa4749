"""The page that a person's browser shows after a sign-in: how it ended, and what happens next. Pure; what happened is the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STYLE = "font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto; padding: 0 1rem"


def page(heading: str, text: str = "", steps: Sequence[str] = ()) -> str:
    """A whole HTML page without script or anything from elsewhere; `steps` are what happens next, in order."""
    parts = [f"<h1>{escape(heading)}</h1>"]
    parts += [f"<p>{escape(text)}</p>"] if text else []
    if steps:
        items = "".join(f"<li>{escape(step)}</li>" for step in steps)
        parts.append(f"<h2>What happens next</h2><ol>{items}</ol>")
    parts.append("<p>You can close this page.</p>")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Fluint</title>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body style="{_STYLE}">{"".join(parts)}</body></html>'


def plain(text: str) -> str:
    """A page that says one thing about a sign-in that is not the person's newest, or whose end is not known yet."""
    return page("Salesforce has answered", text)
