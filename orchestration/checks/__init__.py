"""Asset checks that are not dbt tests: statements about coverage, currency and distributions, in counts only."""
