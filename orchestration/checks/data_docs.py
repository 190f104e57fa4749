"""Runs of Great Expectations and the pages that show them. Imports the library, which takes seconds: import this where it is used.

The context lives in memory and only the pages go to disk, so that no connection string is ever written. Results carry counts and
no sample of values; what a frame holds is shown in full, so that no frame may hold what a person must not see.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.expectations import Expectation

_SITE = "fluint"
# With a count of zero, BASIC gives numbers of rows without a sample of their values.
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


class DataDocs:
    """One night's validations, and their pages in a directory, which holds nothing else."""

    def __init__(self, directory: Path) -> None:
        """Prepares a context in memory; the pages of the night before stay until `build`."""
        self._directory = directory
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(directory)}
        for name in list(self._context.variables.data_docs_sites or {}):
            self._context.delete_data_docs_site(name)
        self._context.add_data_docs_site(
            _SITE,
            {
                "class_name": "SiteBuilder",
                "store_backend": backend,
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            },
        )

    def validate_query(
        self, name: str, url: str, query: str, expectations: Sequence[Expectation]
    ) -> ExpectationSuiteValidationResult:
        """Validates the rows of a query where they are, in Postgres."""
        source = self._context.data_sources.add_postgres(name, connection_string=url)
        try:
            batch = source.add_query_asset(name, query=query).add_batch_definition_whole_table("all")
            return self._validate(name, batch, expectations)
        finally:
            source.get_engine().dispose()

    def validate_frame(
        self, name: str, frame: pd.DataFrame, expectations: Sequence[Expectation]
    ) -> ExpectationSuiteValidationResult:
        """Validates a frame of aggregates."""
        source = self._context.data_sources.add_pandas(name)
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        return self._validate(name, batch, expectations, frame)

    def _validate(
        self,
        name: str,
        batch: BatchDefinition,  # type: ignore[type-arg]
        expectations: Sequence[Expectation],
        frame: pd.DataFrame | None = None,
    ) -> ExpectationSuiteValidationResult:
        suite = self._context.suites.add(ExpectationSuite(name=name, expectations=list(expectations)))
        definition = self._context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
        checkpoint = self._context.checkpoints.add(
            gx.Checkpoint(name=name, validation_definitions=[definition], result_format=_COUNTS_ONLY)
        )
        outcome = checkpoint.run(batch_parameters=None if frame is None else {"dataframe": frame})
        (result,) = outcome.run_results.values()
        return result

    def build(self) -> None:
        """Writes the pages of what was validated in place of older ones, and `<name>.html`, which leads to that of each validation.

        Great Expectations puts a time into a page's path and lists the pages by a script of another host, which a closed network lacks.
        """
        shutil.rmtree(self._directory, ignore_errors=True)
        self._context.build_data_docs(site_names=[_SITE])
        for suite in (self._directory / "validations").iterdir():
            (page,) = suite.rglob("*.html")
            address = page.relative_to(self._directory).as_posix()
            (self._directory / f"{suite.name}.html").write_text(
                f'<!doctype html><meta http-equiv="refresh" content="0; url={address}"><a href="{address}">{suite.name}</a>'
            )
