"""Postgres: connections, the way of bytes into raw tables, migrations, and a server for machines that have none."""
