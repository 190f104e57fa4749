"""The page of faults: which are at work, switching one on, ending all.

Belongs here: the form, made from the list of kinds and fields, and some ready-made faults. Does not: what a fault does
(local_org/faults.py).
"""

from __future__ import annotations

import inspect

from starlette.responses import Response

from local_org.faults import KINDS, Fault
from local_org.workbench import forms
from local_org.workbench.site import Site, Visit

_DATA = r"/services/data/v[\d.]+"
READY: dict[str, dict[str, object]] = {
    "The next query answers 503": {"kind": "answer", "path": f"{_DATA}/query.*", "status": 503},
    "The next three calls answer 429, without a hint when to come again": {
        "kind": "answer", "path": f"{_DATA}/.*", "status": 429, "times": 3,
    },
    "The next call waits ten seconds": {"kind": "delay", "path": f"{_DATA}/.*", "seconds": 10.0},
    "The next query breaks off after 200 bytes": {"kind": "drop", "path": f"{_DATA}/query.*", "after_bytes": 200},
    "The next upload is carried out, but its answer is lost": {
        "kind": "lose_answer", "method": "POST", "path": f"{_DATA}/sobjects/ContentVersion",
    },
    "The next renewal of a token is carried out, but its answer is lost": {
        "kind": "lose_answer", "method": "POST", "path": "/services/oauth2/token",
    },
}  # fmt: skip


def show(site: Site, visit: Visit) -> Response:
    """Shows the faults at work and the forms."""
    usual = forms.defaults(Fault)
    at_work = [
        {
            "kind": each["kind"],
            "rest": {name: value for name, value in each.items() if name != "kind" and value != usual.get(name)},
        }
        for each in site.faults.listing()
    ]  # fmt: skip
    return site.page(
        visit,
        "faults.html",
        at_work=at_work,
        ready=READY,
        kinds=KINDS,
        inputs=forms.inputs(usual),
        explanation=inspect.getdoc(Fault),
    )


def add(site: Site, visit: Visit) -> Response:
    """Switches a fault on: a ready-made one, or what the form describes."""
    ready = READY.get(visit.form.get("ready", ""))
    try:
        usual = forms.defaults(Fault)
        asked = ready or {"kind": visit.form.get("kind", ""), **forms.read(visit.form, usual, usual)}
        site.faults.add(Fault.of(asked))
    except (ValueError, TypeError) as refusal:
        visit.say(str(refusal), good=False)
    else:
        visit.say("The fault is at work.")
    return site.go("/faults")


def clear(site: Site, visit: Visit) -> Response:
    """Ends all faults."""
    site.faults.clear()
    visit.say("No fault is at work any more.")
    return site.go("/faults")


PAGES = (("GET", "/faults", show), ("POST", "/faults", add), ("POST", "/faults/clear", clear))
