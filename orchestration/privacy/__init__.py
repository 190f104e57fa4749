"""Erasure: who is meant, what is held of them, taking it out of every table, and the proof. Keeping it out is postgres/erased.py's."""
