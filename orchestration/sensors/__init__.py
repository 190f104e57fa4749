"""Sensors: each compares two ledgers in Postgres and starts the run that closes the difference.

None keeps a position in a Dagster cursor or a run key: exactness rests on the ledgers, so a tick may be repeated or missed.
"""
