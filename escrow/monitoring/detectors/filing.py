"""What institutions owe the bureau in writing: a roster for each month in which they taught."""

from datetime import datetime, time

import pandas as pd
from sqlalchemy import Connection, select

from escrow.monitoring.alerts import Sighting
from escrow.monitoring.detectors.ground import Ground, Seen
from escrow.monitoring.frames import day_of, days, frame, records
from escrow.registry import rosters
from escrow.registry.tables import institution, roster
from escrow.rules.months import SHANGHAI, Month
from escrow.teaching.tables import lesson


def months_taught(db: Connection, since: datetime) -> pd.DataFrame:
    """Each institution's months with a lesson since, by their first days, and whether a roster was filed for them."""
    t, i = lesson.c, institution.c
    query = (
        select(t.institution_id.label("institution"), i.name, i.jurisdiction, days(t.held_on).label("day"))
        .join(institution, i.id == t.institution_id)
        .where(t.starts_at >= since)
        .distinct()
    )
    held = frame(db, query, texts=("name", "jurisdiction"))
    filed = {(row.institution_id, row.month) for row in db.execute(select(roster.c.institution_id, roster.c.month))}
    first = {day: Month(day_of(day).year, day_of(day).month) for day in held["day"].unique()}
    held["month"] = held["day"].map(lambda day: str(first[day])).astype("str")
    months = held.drop_duplicates(["institution", "month"], ignore_index=True).drop(columns="day")
    has = [(row["institution"], row["month"]) in filed for row in records(months)]
    return months.assign(filed=pd.Series(has, dtype="int64"))


def missing_rosters(taught: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Months that were taught and whose roster is not there when its day has passed."""
    today = ground.now.astimezone(SHANGHAI).date()
    rule = ground.rulebook.in_force("roster.deadline", jurisdiction=ground.jurisdiction, on=today)
    if rule is None:
        return []
    found = []
    for row in records(taught[taught["filed"] == 0].sort_values(["institution", "month"])):
        month = Month.parse(row["month"])
        due = rosters.due_on(month, rule)
        if today > due:
            finding = rosters.missing(row["institution"], row["name"], month, rule)
            sighting = Sighting(finding=finding, institution_id=row["institution"], contract_id=None)
            found.append(Seen(sighting=sighting, last=datetime.combine(due, time.max, SHANGHAI)))
    return found
