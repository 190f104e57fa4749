"""Fluint Salesforce Sync: keeps a Fluint workspace's Postgres and a Salesforce org in step, in both directions.

This package re-exports nothing on purpose: import from the room that owns a thing.
"""
