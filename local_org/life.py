"""Life in the org that goes on by itself: reps move deals, mail comes and goes, at a pace, so that whoever syncs has something to see.

Belongs here: chance, which thing happens next and to which record. Does not: how an act is recorded (demo/actions.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random

from local_org.demo import actions
from local_org.demo.deals import PRODUCTS
from local_org.demo.mail_text import Thread, Writer
from local_org.demo.pools import LOCALES
from local_org.errors import RowLockedError
from local_org.org import Org

Row = dict[str, object]
_TITLES = (
    "VP Sales",
    "Head of Procurement",
    "Chief Financial Officer",
    "IT Manager",
    "Interim Head of Enablement",
)


PACE_SECONDS = 5.0


def begin(org: Org, pace_seconds: float = PACE_SECONDS) -> threading.Event:
    """Lets the org live in a thread that ends with the process, or once the returned event is set."""
    stop = threading.Event()
    life = Life(org, pace_seconds)
    threading.Thread(target=life.run, args=(stop,), name="life", daemon=True).start()
    return stop


class Life:
    """What the people of one org do. The same seed on the same org gives the same acts."""

    def __init__(self, org: Org, pace_seconds: float = PACE_SECONDS, seed: int = 1) -> None:
        """Holds the pace: the mean of the seconds between two acts."""
        self._org = org
        self._pace = pace_seconds
        self._rng = Random(seed)
        self._acts: dict[Callable[[str], Row], int] = {
            self._mail: 45, self._move_on: 18, self._close: 8, self._new_deal: 8, self._change_amount: 8, self._move_back: 4,
            self._reassign: 4, self._edit_contact: 4, self._delete: 1,
        }  # fmt: skip

    def run(self, stop: threading.Event) -> None:
        """Acts at the pace until `stop` is set, which ends it within moments; in an empty org it waits for somebody to fill it."""
        while not stop.wait(min(self._rng.expovariate(1 / self._pace), 4 * self._pace)):
            if self._org.store.select("select 1 from Opportunity limit 1"):
                with suppress(RowLockedError):
                    self.step()

    def step(self) -> Row:
        """Does one plausible thing and returns what it was (`act`) with the ids concerned. Raises ValueError in an empty org."""
        with self._org.store.transaction():
            act = self._rng.choices(list(self._acts), list(self._acts.values()))[0]
            deal = self._an_open_deal()
            if deal is None:
                act, deal = self._new_deal, ""
            return {"act": act.__name__.lstrip("_")} | act(deal)

    def _one(self, sql: str, *parameters: object) -> str | None:
        """Returns one of the ids that a query finds; the query sorts them, so that chance is the seed's alone."""
        found = self._org.store.select(sql, parameters)
        return str(self._rng.choice(found)[0]) if found else None

    def _an_open_deal(self) -> str | None:
        return self._one(
            "select o.Id from Opportunity o join User u on u.Id = o.OwnerId and u.IsActive = 1"
            " where o.IsDeleted = 0 and o.IsClosed = 0 order by o.Id"
        )

    def _a_rep(self) -> str:
        rep = self._one(
            "select Id from User where IsActive = 1 and Id in (select OwnerId from Opportunity) order by Id"
        )
        if rep is None:
            raise ValueError("Nobody in this org owns a deal; fill it with demo data first.")
        return rep

    def _open_stages(self) -> list[str]:
        rows = self._org.store.select(
            "select ApiName from OpportunityStage where IsActive = 1 and IsClosed = 0 order by SortOrder"
        )
        return [str(row[0]) for row in rows]

    def _mail(self, deal_id: str) -> Row:
        incoming = self._rng.random() < 0.5
        deal = actions.record(self._org, "Opportunity", deal_id)
        account = self._org.store.get("Account", str(deal["AccountId"])) if deal["AccountId"] else None
        thread = Thread(
            LOCALES.get(str((account or {}).get("BillingCountry")), "en_US"), str(deal["Name"]), self._rng
        )
        text = thread.write(
            Writer("", str((account or {}).get("Name") or "") if incoming else "Acme", None), ""
        )
        subject = thread.subject if self._rng.random() < 0.4 else f"Re: {thread.subject}"
        lines = text.replace("\n", "\r\n") if self._rng.random() < 0.5 else text
        return actions.log_mail(self._org, deal_id, incoming=incoming, subject=subject, text=lines)

    def _move_on(self, deal_id: str) -> Row:
        return self._move(deal_id, 1)

    def _move_back(self, deal_id: str) -> Row:
        return self._move(deal_id, -1)

    def _move(self, deal_id: str, by: int) -> Row:
        """To the neighbouring open stage; from the last one on, or from a retired one, the deal is closed or begins again."""
        stages = self._open_stages()
        now = str(actions.record(self._org, "Opportunity", deal_id)["StageName"])
        place = stages.index(now) + by if now in stages else 0
        if place >= len(stages):
            return self._close(deal_id)
        return actions.move_to_stage(self._org, deal_id, stages[max(0, place)])

    def _close(self, deal_id: str) -> Row:
        won = int(self._rng.random() < 0.4)
        stage = self._one(
            "select ApiName from OpportunityStage where IsActive = 1 and IsClosed = 1 and IsWon = ? order by Id",
            won,
        )
        return actions.move_to_stage(self._org, deal_id, stage or "Closed Lost")

    def _new_deal(self, _: str) -> Row:
        rng, store, owner = self._rng, self._org.store, self._a_rep()
        account_id = self._one("select Id from Account where IsDeleted = 0 order by Id")
        if account_id is None:
            raise ValueError("This org holds no account; fill it with demo data first.")
        values = {
            "Name": f"{actions.record(self._org, 'Account', account_id)['Name']} – {rng.choice(PRODUCTS)}"[:120], "AccountId": account_id,
            "StageName": self._open_stages()[0], "OwnerId": owner, "Amount": float(rng.randint(10, 1_800) * 50),
            "CloseDate": (self._org.clock.now() + timedelta(days=rng.randint(20, 150))).date(),
            "RecordTypeId": self._one("select Id from RecordType where DeveloperName = 'New_Business' order by Id"),
        }  # fmt: skip
        deal_id = store.insert("Opportunity", values, by=owner)
        contact = self._one(
            "select Id from Contact where AccountId = ? and IsDeleted = 0 order by Id", account_id
        )
        if contact is not None:
            role = {
                "OpportunityId": deal_id,
                "ContactId": contact,
                "Role": "Decision Maker",
                "IsPrimary": True,
            }
            store.insert("OpportunityContactRole", role, by=owner)
        return actions.about(actions.record(self._org, "Opportunity", deal_id)) | {"contact_id": contact}

    def _change_amount(self, deal_id: str) -> Row:
        deal = actions.record(self._org, "Opportunity", deal_id)
        before = deal["Amount"]
        after = round(float(str(before or 20_000)) * self._rng.uniform(0.6, 1.6), 2)
        self._org.store.update("Opportunity", deal_id, {"Amount": after}, by=str(deal["OwnerId"]))
        return actions.about(deal) | {"from": before, "to": after}

    def _reassign(self, deal_id: str) -> Row:
        return actions.reassign(self._org, deal_id, self._a_rep())

    def _edit_contact(self, deal_id: str) -> Row:
        deal = actions.record(self._org, "Opportunity", deal_id)
        contact = self._one(
            "select c.Id from Contact c join OpportunityContactRole r on r.ContactId = c.Id"
            " where r.OpportunityId = ? and c.IsDeleted = 0 order by c.Id",
            deal_id,
        )
        if contact is not None:
            title = self._rng.choice(_TITLES)
            self._org.store.update("Contact", contact, {"Title": title}, by=str(deal["OwnerId"]))
        return actions.about(deal) | {"contact_id": contact}

    def _delete(self, deal_id: str) -> Row:
        return actions.delete(self._org, deal_id)
