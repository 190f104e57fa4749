"""The uploader against a running local org: the fixtures of the sync, with a deal that is held."""

from __future__ import annotations

from tests.sync.conftest import bench, deployed_template, loaded, sync_org

__all__ = ["bench", "deployed_template", "loaded", "sync_org"]
