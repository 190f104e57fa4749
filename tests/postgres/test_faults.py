"""What Postgres refuses, in words for whoever reads a failed run."""

from __future__ import annotations

import psycopg
import pytest

from orchestration.errors import TransientError
from orchestration.postgres.connection import Database
from orchestration.postgres.faults import of_postgres


def test_two_that_met_on_the_same_rows_are_no_bug_and_go_on_by_themselves(database: Database) -> None:
    """A deadlock, which the next run makes good, told as a bug for Fluint's support."""
    with database.transaction() as connection:
        connection.execute("create table met (id int); insert into met values (1)")
    with pytest.raises(psycopg.errors.SerializationFailure) as refused:
        _meet(database)
    told = of_postgres(refused.value)
    assert isinstance(told, TransientError)
    assert "Two processes met on the same rows" in str(told)
    assert str(of_postgres(psycopg.errors.DeadlockDetected())) == str(told)


def _meet(database: Database) -> None:
    with database.transaction() as one:
        one.execute("set transaction isolation level repeatable read")
        one.execute("select * from met")
        with database.transaction() as other:
            other.execute("update met set id = 2")
        one.execute("update met set id = 3")
