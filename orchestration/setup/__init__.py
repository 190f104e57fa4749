"""The set-up check: every item of the implementation checklist, tested, with what is wrong, why it matters and how to mend it."""
