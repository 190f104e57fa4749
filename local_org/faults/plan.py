"""Which request meets which fault: the faults at work, counted off, and seeded chance. What a fault does is its kind's business."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from random import Random

_API, _JOBS, _RESULTS = ".*/services/data/v.*", ".*/jobs/query/?", ".*/results"
_STANDING = 1_000_000
"""Times of a fault that stays until it is taken back."""
_HTML = "<html><head><title>Service Unavailable</title></head><body><h1>503</h1></body></html>"
_UNAVAILABLE = '[{"message":"Server unavailable","errorCode":"SERVER_UNAVAILABLE"}]'

KINDS: Mapping[str, Mapping[str, object]] = {
    "answer": {},
    "unavailable_json": {
        "status": 503,
        "body": _UNAVAILABLE,
        "headers": {"content-type": "application/json"},
    },
    "unavailable_html": {"status": 503, "body": _HTML, "headers": {"content-type": "text/html"}},
    "unavailable_empty": {"status": 503},
    "too_many_requests": {"status": 429},
    "delay": {},
    "drop": {},
    "reset": {},
    "truncated_gzip": {},
    "drip": {"seconds": 0.05},
    "lose_answer": {},
    "late_commit": {},
    "repeat": {"skip": 1},
    "hide_row": {"times": _STANDING},
    "short_csv": {"method": "GET", "path": _RESULTS},
    "short_count": {},
    "changed_type": {"times": _STANDING},
    "skewed_date": {"times": _STANDING},
    "expired_token": {"path": _API},
    "quota_used_up": {"path": _API},
    "dead_locator": {"method": "GET", "path": f".*/query(All)?/0r8.*|{_RESULTS}"},
    "stuck_job": {"method": "POST", "path": _JOBS},
    "failed_job": {"method": "POST", "path": _JOBS},
    "hidden_field": {},
    "chance": {"times": _STANDING},
}
"""Every kind with what it sets for itself; whoever asks for a fault may set it otherwise."""


@dataclass(frozen=True)
class Asked:
    """A request as faults see it; `text` is its decoded query string and, where some fault asks about it, its body."""

    method: str
    path: str
    text: str = ""


@dataclass
class Fault:
    """One fault and whom it hits: requests whose method and path match and that are `about` something, after `skip` of them, `times` times.

    method and path are patterns for the whole text, about is sought in query string and body (`FROM EmailMessage`). The rest is the
    kinds' own. answer, unavailable_…, too_many_requests: `status`, `body` and `headers` in place of the org's own; the request is not
    carried out. delay: `seconds` pass before it is carried out. drop, reset: the connection is closed, or reset, after `after_bytes` of
    the body. truncated_gzip: a body compressed and cut there (in the middle where 0). drip: so many `seconds` between small pieces.
    lose_answer: carried out, and not a byte of answer. late_commit: carried out `seconds` after it came, or when it is released, whether
    the client still waits or not. repeat: the answer of the last one that was skipped, again. hide_row: `record_id` (else the last row) is
    left out of pages, never of counts. short_csv: the last `rows` rows are missing, all are announced. short_count: so many rows fewer are
    announced. changed_type: `field` of `sobject` is described as `type` and has `value`, if that is given. skewed_date: the Date header is
    off by `seconds`. expired_token, quota_used_up, dead_locator: so it is from this request on. stuck_job, failed_job: what becomes of the
    Bulk job that this request creates. hidden_field: `field` of `sobject` is taken from everybody before this request.
    chance: one of `choice`, in one of `one_in` requests, by `seed`.
    """

    kind: str
    method: str = ".*"
    path: str = ".*"
    about: str = ""
    skip: int = 0
    times: int = 1
    status: int = 503
    body: str = ""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    after_bytes: int = 0
    record_id: str = ""
    rows: int = 1
    sobject: str = ""
    field: str = ""
    type: str = "string"
    value: str | None = None
    one_in: int = 10
    seed: int = 0
    choice: list[Fault] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Fault:
        """Reads a fault from JSON. Raises ValueError for an unknown kind, name or type, and a pattern that is none."""
        known = {each.name: each for each in fields(cls)}
        is_object = isinstance(values, Mapping)  # what a file or a request holds can be anything
        if not is_object or values.get("kind") not in KINDS or not set(values) <= set(known):
            raise ValueError(
                f"A fault has a kind ({', '.join(KINDS)}) and may have: {', '.join(sorted(set(known) - {'kind'}))}."
            )
        given = {**KINDS[str(values["kind"])], **values}
        try:
            choice = [cls.of(each) for each in given.pop("choice", [])]  # type: ignore[attr-defined]
            made = cls(**given, choice=choice)  # type: ignore[arg-type]
            for pattern in (made.method, made.path, made.about):
                re.compile(pattern)
        except (TypeError, re.error) as error:
            raise ValueError(f"This is no fault: {error}.") from None
        if made.kind == "chance" and not (made.choice and made.one_in > 0):
            raise ValueError("A chance needs a choice of faults, and one_in above 0.")
        return made

    def matches(self, asked: Asked) -> bool:
        """Tells whether the fault is meant for this request."""
        return (
            re.fullmatch(self.method, asked.method) is not None
            and re.fullmatch(self.path, asked.path) is not None
            and re.search(self.about, asked.text) is not None
        )

    def told(self) -> dict[str, object]:
        """Gives the fault as JSON, without what is as usual."""
        usual = Fault(self.kind)
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        told["choice"] = [each.told() for each in self.choice]
        return {
            name: value for name, value in told.items() if name == "kind" or value != getattr(usual, name)
        }


class Faults:
    """The faults at work in one org, and whom they hit so far."""

    def __init__(self) -> None:
        """Begins without faults."""
        self._faults: list[Fault] = []
        self._chances: dict[int, Random] = {}
        self._hits: list[dict[str, str]] = []
        self._lock = threading.Lock()
        self.undo: list[Callable[[], None]] = []
        """What takes back the lasting effects of faults when they are cleared."""

    def add(self, fault: Fault) -> None:
        """Puts a fault to work, after those that are there."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Ends all faults, takes back what they did to the org, and forgets whom they hit."""
        with self._lock:
            self._faults.clear()
            self._chances.clear()
            self._hits.clear()
            undone, self.undo = self.undo, []
        for step in reversed(undone):
            step()

    def listing(self) -> Sequence[dict[str, object]]:
        """Gives the faults that have not yet spent themselves."""
        with self._lock:
            return [fault.told() for fault in self._faults]

    def hits(self) -> Sequence[dict[str, str]]:
        """Gives kind, method and path of every request that was hit, oldest first."""
        with self._lock:
            return list(self._hits)

    def read_body_of(self, method: str, path: str) -> bool:
        """Tells whether some fault is about the body of such a request."""
        with self._lock:
            candidates = [fault for each in self._faults for fault in (each, *each.choice)]
            return any(
                fault.about and re.fullmatch(fault.method, method) and re.fullmatch(fault.path, path)
                for fault in candidates
            )

    def next_for(self, asked: Asked) -> tuple[Fault, bool] | None:
        """Gives the fault that hits this request, counted off; None for most requests.

        The second value is false where the request is only the last one before the fault, whose answer a `repeat` needs.
        """
        with self._lock:
            for fault in self._faults:
                if not fault.matches(asked):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    if fault.kind == "repeat" and not fault.skip:
                        return fault, False
                    continue
                hit = self._chosen(fault, asked) if fault.kind == "chance" else fault
                if hit is None:
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                self._hits.append({"kind": hit.kind, "method": asked.method, "path": asked.path})
                return hit, True
        return None

    def _chosen(self, chance: Fault, asked: Asked) -> Fault | None:
        fitting = [each for each in chance.choice if each.matches(asked)]
        random = self._chances.setdefault(id(chance), Random(chance.seed))
        if not fitting or random.randrange(chance.one_in):
            return None
        return random.choice(fitting)
