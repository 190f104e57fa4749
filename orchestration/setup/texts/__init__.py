"""The texts of the set-up check, as data: what each fault means to people, and who mends it where. No judgement, no layout of a page.

Every text names user, object or field, says what still works, and gives one next step with who has the right to take it.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.setup.texts import fluint, permissions, reading, salesforce
from orchestration.setup.texts.form import Text

TEXTS: Mapping[str, Text] = {**salesforce.TEXTS, **permissions.TEXTS, **reading.TEXTS, **fluint.TEXTS}
"""By the code of the fault."""
