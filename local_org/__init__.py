"""A Salesforce org on this machine, for people and tests that have no Salesforce account.

It is a program of its own: it speaks Salesforce's public HTTP APIs and shares no code with the client, so that a
misunderstanding of ours cannot hide on both sides. Nothing outside this package imports it; it is started as a process.
"""
