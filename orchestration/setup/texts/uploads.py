"""What is done about document versions that are not in Salesforce, by the reason that the outbox gives (documents/reasons.py).

Who takes the step tells the three tables apart. A reason that goes on by itself has no place here.
"""

from __future__ import annotations

from collections.abc import Mapping

_LIST = "`fluint documents list`"
_AS_NEW = f"Run {_LIST}, which names the documents, and `fluint documents retry DOCUMENT --as-new` for those that are wanted in Salesforce"
_AGAIN = "Generate these documents again in Fluint, as new versions"
_ON_CONTENT_VERSION = (
    "Setup › Object Manager › Content Version › Validation Rules and Triggers, and Setup › Flows"
)

OF_AN_ADMIN: Mapping[str, str] = {
    "no_create_right": "Setup › Salesforce Files › General Settings › switch Files on for internal users; and Setup › Users › the"
    " integration user › Edit: the licence 'Salesforce', and 'Salesforce CRM Content User' where the org has it",
    "no_edit_on_deal": "Setup › Sharing Settings: share opportunities with the integration user for Read/Write, or grant it 'Edit' and"
    " 'Modify All' under Setup › Permission Sets › Object Settings › Opportunities",
    "file_of_another_user": f"Open the file that {_LIST} names › Share › add the integration user as Collaborator",
    "file_not_shown": f"Ask whoever works on the deals that {_LIST} names whether the file is still there, and share it with the"
    " integration user as Collaborator; a file that was deleted for good begins anew with `fluint documents retry DOCUMENT --as-new`",
    "deal_hidden": f"Share the deals that {_LIST} names with the integration user for Read/Write, or grant it 'View All' under Setup ›"
    " Permission Sets › Object Settings › Opportunities",
    "storage_full": "Setup › Storage Usage: delete files that nobody needs, or buy storage",
    "type_blocked": f"Setup › File Upload and Download Security, and {_ON_CONTENT_VERSION}: allow the file type that {_LIST} names",
    "refused_by_rule": f"{_ON_CONTENT_VERSION}: let the integration user pass the rule whose message {_LIST} quotes",
    "refused": f"Run {_LIST}, which quotes Salesforce's code, and ask Salesforce's support what refuses the integration user",
    "double": f"Open the deals that {_LIST} names, and delete the surplus file",
}
OF_THE_OPERATOR: Mapping[str, str] = {
    "needs_reconnect": "Run `fluint connect`; sending goes on by itself",
    "setup": "Mend what this check says of the connection and the integration user; then run `fluint documents retry`",
    "content_unreadable": "See that the machine that Fluint runs on can read the addresses in fluint_app.document_version.content_uri",
    "checksum_differs": _AS_NEW,
    "file_deleted": _AS_NEW,
}
OF_THE_WORKSPACE: Mapping[str, str] = {
    "empty_file": f"{_AGAIN}: they have no content",
    "too_large": f"{_AGAIN}, smaller than 2 GB each",
    "content_changed": f"{_AGAIN}: their bytes are not those that were recorded",
}
TOLD_ELSEWHERE = frozenset({"files_list_missing"})
"""The file is there; that people do not see it is told by the item about page layouts."""
OF_NOBODY = frozenset({"deal_deleted", "deal_not_in_fluint"})
"""The deal is gone or left out, as somebody meant it; if it comes back, the documents are sent by themselves (documents/standing.py)."""
