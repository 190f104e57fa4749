"""The judges: what was seen, turned into faults. Pure; they ask nothing and word nothing."""
