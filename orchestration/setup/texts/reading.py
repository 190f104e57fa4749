"""Texts about what can be read and written: objects, records, fields, mail, files."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.setup.outcome import Outcome
from orchestration.setup.texts.form import ADMIN, OPERATOR, WORKSPACE, Text

_OBJECT = "{holder} › Object Settings › {plural} › Edit"
_OTHERS = "The other objects go on."

TEXTS: Mapping[str, Text] = {
    "deals_not_readable": Text(
        Outcome.STOPS,
        "{user} cannot read {sobject}.",
        "No deal comes in or changes, and with the deals no contact and no mail.",
        "What was read stays and can be queried; users and stages go on.",
        ADMIN,
        _OBJECT + " › tick 'Read' and 'View All' › Save",
    ),
    "object_not_readable": Text(
        Outcome.DATA,
        "{user} cannot read {sobject}.",
        "{consequence}.",
        _OTHERS,
        ADMIN,
        _OBJECT + " › tick 'Read' and 'View All' › Save",
    ),
    "object_of_everybody_missing": Text(
        Outcome.STOPS,
        "{user} cannot read {sobject}, which every user with a Salesforce licence can.",
        "{consequence}.",
        _OTHERS,
        ADMIN,
        "Setup › Users › the integration user › Edit: see that User License is 'Salesforce' and the user is active",
    ),
    "view_all_missing": Text(
        Outcome.DATA,
        "{user} may read {sobject}, but lacks View All: records of others are invisible to it{counted}.",
        "{consequence}, without any error.",
        "What is shared with the user is read.",
        ADMIN,
        _OBJECT + " › tick 'View All' › Save; the next reconciliation finds what was missing",
    ),
    "required_field_hidden": Text(
        Outcome.DATA,
        "{fields} cannot be read by {user}, and {sobject} is not synced without.",
        "{consequence}.",
        _OTHERS + " What was read stays.",
        ADMIN,
        _OBJECT + " › Field Permissions › tick 'Read Access' of {names} › Save",
    ),
    "deal_field_hidden": Text(
        Outcome.STOPS,
        "{fields} cannot be read by {user}, and deals are not synced without.",
        "No deal comes in or changes, and with the deals no contact and no mail.",
        "What was read stays and can be queried; users and stages go on.",
        ADMIN,
        _OBJECT + " › Field Permissions › tick 'Read Access' of {names} › Save",
    ),
    "field_hidden": Text(
        Outcome.DATA,
        "{fields} cannot be read by {user}.",
        "{consequence}.",
        "All other fields are read.",
        ADMIN,
        _OBJECT + " › Field Permissions › tick 'Read Access' of {names} › Save",
    ),
    "users_hidden": Text(
        Outcome.DATA,
        "{user} sees {visible:,} of {used:,} active users with a Salesforce licence: users are private in this org, and it lacks 'View All"
        " Users'.",
        "Deals of licensed people who cannot be seen do not come in.",
        "Deals of the users that can be seen come in.",
        ADMIN,
        "{holder} › System Permissions › Edit › tick 'View All Users' › Save",
    ),
    "activities_missing": Text(
        Outcome.FEATURE,
        "{user} lacks 'Access Activities', which governs {sobject}.",
        "{consequence}.",
        "Deals and contacts go on.",
        ADMIN,
        "{holder} › System Permissions › Edit › tick 'Access Activities' › Save",
    ),
    "enhanced_email_off": Text(
        Outcome.FEATURE,
        "The org has no EmailMessage: neither Enhanced Email nor Email-to-Case is switched on.",
        "E-mail activity stays empty until Enhanced Email is on.",
        "Deals and contacts go on.",
        ADMIN,
        "Setup › Enhanced Email › Enable. If mail is not wanted, whoever runs Fluint sets objects: {{email_message: {{enabled: false}}}}",
    ),
    "email_object_missing": Text(
        Outcome.FEATURE,
        "{user} cannot read EmailMessage: the org has no Enhanced Email, or the user lacks 'Access Activities'.",
        "E-mail activity stays empty.",
        "Deals and contacts go on.",
        ADMIN,
        "Setup › Enhanced Email › Enable, where it is off; then {holder} › System Permissions › Edit › tick 'Access Activities' › Save",
    ),
    "files_missing": Text(
        Outcome.FEATURE,
        "{user} cannot create ContentVersion, which a file is in Salesforce.",
        "Documents of Fluint do not appear in Salesforce.",
        "Deals, contacts and mails are read.",
        ADMIN,
        "Setup › Salesforce Files › General Settings › switch Files on for internal users › Save",
    ),
    "deals_not_editable": Text(
        Outcome.FEATURE,
        "{user} may not edit {sobject}, and a file can only be put on a record that one may edit.",
        "Documents of Fluint do not appear in Salesforce (INSUFFICIENT_ACCESS).",
        "Deals, contacts and mails are read.",
        ADMIN,
        _OBJECT + " › tick 'Edit' and 'Modify All' › Save",
    ),
    "deal_not_editable": Text(
        Outcome.FEATURE,
        "{user} may not edit the deal {deal}. Whether it lacks a permission, or the deal is shared with it to read only, cannot be seen"
        " without 'View Setup and Configuration'.",
        "Documents of Fluint do not appear in Salesforce (INSUFFICIENT_ACCESS).",
        "Deals, contacts and mails are read.",
        ADMIN,
        _OBJECT + " › tick 'Edit' and 'Modify All' › Save",
    ),
    "deal_not_shared_to_edit": Text(
        Outcome.FEATURE,
        "{user} may edit {sobject} in general, but not the deal {deal}: it is shared with it to read only.",
        "Documents of Fluint do not appear on deals of others (INSUFFICIENT_ACCESS).",
        "Deals, contacts and mails are read.",
        ADMIN,
        _OBJECT
        + " › tick 'Modify All' › Save; or share opportunities with the user for Read/Write under Setup › Sharing Settings",
    ),
    "files_list_missing": Text(
        Outcome.FEATURE,
        "The page layout '{layout}' does not show Files. Deals are seen with it by {used_for}.",
        "Documents of Fluint are in Salesforce, but these people do not find them on the deal.",
        "Documents are uploaded all the same.",
        ADMIN,
        "Setup › Object Manager › Opportunity › Page Layouts › {layout} › Related Lists › drag 'Files' in › Save",
    ),
    "publications_used": Text(
        Outcome.FEATURE,
        "No new file version is left of the {most:,} that the org may make in 24 hours.",
        "Documents of Fluint appear in Salesforce a day late.",
        "They wait and are sent by themselves; everything else goes on.",
        ADMIN,
        "Setup › System Overview › Files: see which application makes so many versions",
    ),
    "storage_full": Text(
        Outcome.FEATURE,
        "{left:,} MB of the org's {most:,} MB of file storage are left.",
        "Documents of Fluint do not appear in Salesforce (STORAGE_LIMIT_EXCEEDED).",
        "Deals, contacts and mails are read.",
        ADMIN,
        "Setup › Storage Usage › Current File Storage Usage: delete files that nobody needs, or buy storage",
    ),
    "upload_refused": Text(
        Outcome.FEATURE,
        "Salesforce refused {versions:,} document versions: {reason}.",
        "These documents do not appear on their deals.",
        "Other documents are sent; none is held up.",
        ADMIN,
        "{step}",
    ),
    "upload_not_sent": Text(
        Outcome.FEATURE,
        "{versions:,} document versions were not sent: {reason}.",
        "These documents do not appear on their deals.",
        "Other documents are sent; none is held up.",
        OPERATOR,
        "{step}",
    ),
    "upload_given_up": Text(
        Outcome.ADVICE,
        "{versions:,} document versions are not sent any more: {reason}.",
        "These documents do not appear on their deals.",
        "Other documents are sent; none is held up.",
        WORKSPACE,
        "{step}",
    ),
}
