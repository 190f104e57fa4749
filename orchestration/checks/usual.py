"""What is compared with the past, as SQL over the marts: how much there is now of each part, and how much is usual. No verdicts.

Only dates, names of stages and numbers come out: whatever is made of them (a check's metadata, a page of Data Docs) can show no
person. How far from the usual is too far stands beside each query; that it holds is expectations.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.postgres.connection import Database

COLUMNS = ("part", "now", "usual", "share_of_usual")
Measured = tuple[str, float, float, float]  # in the order of COLUMNS


@dataclass(frozen=True)
class Usual:
    """One comparison: the check's name, the mart it is about, and the shares of the usual between which every part should lie.

    `query` gives (part, now, usual) for each part of which there is usually enough to tell chance from a fault.
    """

    name: str
    mart: str
    description: str
    query: str
    least: float
    most: float

    def rows(self, database: Database) -> list[Measured]:
        """The parts with now, usual, and now as a share of usual."""
        with database.transaction() as connection:
            found = connection.execute(self.query.encode()).fetchall()
        return [
            (str(part), float(now), float(usual), round(float(now) / float(usual), 4))
            for part, now, usual in found
        ]


# A day is compared with the same weekday of the eight weeks before it: there is less on a Sunday. Days with a usual value below 20
# are left out; of the others, not one in ten thousand has less than a fifth by chance.
_BY_DAY = """
    with today as (
        select (now() at time zone 'UTC')::date as today
    ), measured as (
        {measured}
    ), days as (
        select there.day::date as day, coalesce(measured.value, {otherwise}) as value
        from today cross join generate_series(today - 63, today - 1, interval '1 day') as there (day)
        left join measured on measured.day = there.day::date
    )
    select days.day, days.value, past.usual
    from today cross join days cross join lateral (
        select percentile_cont(0.5) within group (order by earlier.value) as usual
        from days as earlier
        where earlier.day between days.day - 56 and days.day - 7 and (days.day - earlier.day) % 7 = 0
    ) as past
    where days.day >= today - 7 and days.value is not null and past.usual >= 20
    order by days.day
"""
_COUNTED = """
        select ({at} at time zone 'UTC')::date as day, count(*) as value
        from {mart}, today where {at} >= (today - 63) at time zone 'UTC' group by 1
"""


# octet_length reads the size of a body that Postgres keeps elsewhere without reading the body.
_BODIES = """
        select (mail.message_at at time zone 'UTC')::date as day,
               percentile_cont(0.5) within group (
                   order by greatest(octet_length(body.text_body), octet_length(body.html_body))) as value
        from today cross join fluint.email_activity as mail join fluint.email_bodies as body using (email_message_id)
        where mail.message_at >= (today - 63) at time zone 'UTC'
        group by 1 having count(*) >= 20
"""
# A day without enough mail says nothing about its length: it is no zero.
_BODIES_BY_DAY = _BY_DAY.format(measured=_BODIES, otherwise="null")

# How many deals entered a stage within four weeks and are in it at their end: now, and at the end of earlier four weeks, as the daily
# snapshots have it. Both ends are seen in the same way; what a deal passed through in between is in neither.
_STAGES = """
    with today as (
        select (now() at time zone 'UTC')::date as today
    ), ends as (
        select snapshot_date from (
            select distinct snapshot_date from fluint.deal_daily_snapshot, today
            where snapshot_date in (select today - 28 * n from generate_series(1, 13) as n)
        ) as there
    ), counted as (
        select ends.snapshot_date, snapshot.stage_name, count(*) as deals
        from ends join fluint.deal_daily_snapshot as snapshot using (snapshot_date)
        where snapshot.stage_entered_at >= (ends.snapshot_date - 28) at time zone 'UTC'
        group by 1, 2
    ), past as (
        select stages.stage_name, percentile_cont(0.5) within group (order by coalesce(counted.deals, 0)) as usual
        from ends cross join (select distinct stage_name from counted) as stages
        left join counted using (snapshot_date, stage_name)
        group by 1 having count(*) >= 3
    )
    select past.stage_name, count(deals.deal_id), past.usual
    from today cross join past
    left join fluint.deals as deals
      on deals.stage_name = past.stage_name and not deals.is_deleted_in_salesforce and deals.hidden_at is null
     and deals.stage_entered_at >= (today - 28) at time zone 'UTC'
    where past.usual >= 10
    group by past.stage_name, past.usual order by past.stage_name
"""

USUAL = (
    Usual(
        "mail_is_as_much_as_usual",
        "email_activity",
        "Each of the last seven days has between a fifth and five times the mails of its weekday in the eight weeks before. Less"
        " is a day off, or mail that Salesforce no longer records or no longer shows.",
        _BY_DAY.format(measured=_COUNTED.format(at="message_at", mart="fluint.email_activity"), otherwise=0),
        0.2,
        5,
    ),
    Usual(
        "mail_bodies_are_as_long_as_usual",
        "email_bodies",
        "The median mail of each of the last seven days is between a third and three times as long as on its weekday in the eight"
        " weeks before. Shorter is a text that is cut off, or a body that is hidden from the integration user.",
        _BODIES_BY_DAY,
        1 / 3,
        3,
    ),
    Usual(
        "activities_are_as_many_as_usual",
        "activities",
        "On each of the last seven days between a fifth and five times as many tasks and events were made as on its weekday in the"
        " eight weeks before.",
        _BY_DAY.format(measured=_COUNTED.format(at="created_at", mart="fluint.activities"), otherwise=0),
        0.2,
        5,
    ),
    Usual(
        "new_deals_are_as_many_as_usual",
        "deals",
        "On each of the last seven days between a fifth and five times as many deals were made as on its weekday in the eight weeks"
        " before.",
        _BY_DAY.format(measured=_COUNTED.format(at="created_at", mart="fluint.deals"), otherwise=0),
        0.2,
        5,
    ),
    Usual(
        "stages_are_used_as_usual",
        "deals",
        "Between a tenth and ten times as many deals entered each stage in the last four weeks as in the four-week periods before,"
        " by the daily snapshots. Less is a stage that nobody uses any more: renamed, replaced, or skipped.",
        _STAGES,
        0.1,
        10,
    ),
)
