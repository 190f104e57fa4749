"""Reconciling: Salesforce's own counts and ids against what is held, because some changes leave no key behind (R8, R9)."""
