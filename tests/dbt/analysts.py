"""The queries of docs/for-analysts.md, by the heading that they stand below."""

from __future__ import annotations

import re

from orchestration.settings import PROJECT

_TEXT = (PROJECT / "docs" / "for-analysts.md").read_text()
QUERIES = dict(re.findall(r"^## (.+?)\n[^#]*?```sql\n(.+?)```", _TEXT, re.MULTILINE | re.DOTALL))
