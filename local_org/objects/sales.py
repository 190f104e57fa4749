"""Account, Contact, Opportunity and what hangs on a deal, as data (Object Reference for the Salesforce Platform)."""

from __future__ import annotations

from local_org.objects import make as m
from local_org.objects.fields import Field, SObject, Value

FORECASTS = (("Omitted", "Omitted"), ("Pipeline", "Pipeline"), ("BestCase", "Best Case"), ("MostLikely", "Most Likely"), ("Forecast", "Commit"), ("Closed", "Closed"))
LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
FORECAST_VALUES = tuple(Value(value, label) for value, label in FORECASTS)
FORECAST_NAMES = tuple(label for _, label in FORECASTS)


def _address(prefix: str) -> tuple[Field, ...]:
    compound = f"{prefix}Address"
    return (
        m.area(f"{prefix}Street", 255, compound=compound),
        m.text(f"{prefix}City", 40, compound=compound),
        m.text(f"{prefix}State", 80, compound=compound),
        m.text(f"{prefix}PostalCode", 20, compound=compound),
        m.text(f"{prefix}Country", 80, compound=compound),
        m.number(f"{prefix}Latitude", 18, 15, compound=compound),
        m.number(f"{prefix}Longitude", 18, 15, compound=compound),
        m.picklist(f"{prefix}GeocodeAccuracy", 40, ("Address", "Street", "City", "Zip"), compound=compound),
        m.make(compound, "address", "N", filterable=True, sortable=False, groupable=False),
    )


ACCOUNT = SObject(
    "Account", "Account", "Accounts", "001",
    (
        m.record_id(), m.is_deleted(), m.ref("MasterRecordId", "Account", "N", permissionable=False),
        m.name_field(255), m.picklist("Type", 255, ("Prospect", "Customer - Direct", "Customer - Channel", "Partner", "Other")),
        m.ref("ParentId", "Account", child_relationship="ChildAccounts"), *_address("Billing"), *_address("Shipping"), m.phone("Phone"), m.phone("Fax"),
        m.text("AccountNumber", 40), m.make("Website", "url", length=255),
        m.picklist("Industry", 255, ("Agriculture", "Banking", "Biotechnology", "Education", "Energy", "Engineering", "Finance", "Healthcare", "Insurance", "Manufacturing", "Media", "Retail", "Technology", "Telecommunications", "Transportation")),
        m.number("AnnualRevenue", 18, 0, kind="currency"), m.integer("NumberOfEmployees", "NCU"),
        m.area("Description", 32000), m.owner(), *m.audit(), m.day("LastActivityDate", "N", permissionable=False), *m.seen(),
    ),
    createable=True, updateable=True, deletable=True, undeletable=True, mergeable=True, replicateable=True, layoutable=True, searchable=True, triggerable=True, access="object", sharing="owner",
)

CONTACT = SObject(
    "Contact", "Contact", "Contacts", "003",
    (
        m.record_id(), m.is_deleted(), m.ref("MasterRecordId", "Contact", "N", permissionable=False),
        m.ref("AccountId", "Account", child_relationship="Contacts", cascade_delete=True),
        m.text("LastName", 80, "CU", extra_type="personname"), m.text("FirstName", 40, extra_type="personname", permissionable=False),
        m.picklist("Salutation", 40, ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."), permissionable=False),
        m.name_field(121, "", label="Full Name", extra_type="personname"),
        *_address("Other"), *_address("Mailing"),
        m.phone("Phone"), m.phone("Fax"), m.phone("MobilePhone"), m.phone("HomePhone"), m.phone("OtherPhone"), m.phone("AssistantPhone"),
        m.ref("ReportsToId", "Contact", relationship="ReportsTo"), m.make("Email", "email", length=80),
        m.text("Title", 128), m.text("Department", 80), m.text("AssistantName", 40),
        m.picklist("LeadSource", 255, LEAD_SOURCES), m.day("Birthdate"), m.area("Description", 32000), m.owner(), *m.audit(),
        m.day("LastActivityDate", "N", permissionable=False), *m.seen(),
        m.text("EmailBouncedReason", 255, "NU"), m.when("EmailBouncedDate", "NU"), m.flag("IsEmailBounced"),
        m.make("PhotoUrl", "url", "N", length=255, permissionable=False), m.text("Jigsaw", 20),
    ),
    createable=True, updateable=True, deletable=True, undeletable=True, mergeable=True, replicateable=True, layoutable=True, searchable=True, triggerable=True, access="object", sharing="owner",
)

OPPORTUNITY = SObject(
    "Opportunity", "Opportunity", "Opportunities", "006",
    (
        m.record_id(), m.is_deleted(), m.ref("AccountId", "Account", child_relationship="Opportunities", cascade_delete=True),
        m.ref("RecordTypeId", "RecordType", "NCU", permissionable=False),
        m.flag("IsPrivate", "CU"), m.name_field(120), m.area("Description", 32000),
        m.picklist("StageName", 255, (), "CU"), m.number("Amount", 18, 2, kind="currency"),
        m.number("Probability", 3, 0, kind="percent", defaulted_on_create=True), m.number("ExpectedRevenue", 18, 2, "N", kind="currency"),
        m.number("TotalOpportunityQuantity", 18, 2), m.day("CloseDate", "CU"),
        m.picklist("Type", 255, ("New Business", "Existing Business", "Renewal", "Upsell")), m.text("NextStep", 255),
        m.picklist("LeadSource", 255, LEAD_SOURCES), m.flag("IsClosed"), m.flag("IsWon"),
        m.picklist("ForecastCategory", 40, FORECAST_VALUES, "", restricted=True),
        m.picklist("ForecastCategoryName", 255, FORECAST_NAMES, "NCU", permissionable=True, defaulted_on_create=True),
        m.ref("CampaignId", "Campaign"), m.flag("HasOpportunityLineItem"), m.ref("Pricebook2Id", "Pricebook2", relationship="Pricebook2"),
        m.owner(), *m.audit(), m.day("LastActivityDate", "N", permissionable=False), m.integer("PushCount"),
        m.when("LastStageChangeDate", permissionable=False), m.integer("FiscalQuarter", permissionable=False), m.integer("FiscalYear", permissionable=False),
        m.text("Fiscal", 6, "N", permissionable=False),
        m.ref("ContactId", "Contact", "NC", relationship=None, permissionable=False), *m.seen(),
        m.flag("HasOpenActivity", filterable=False, sortable=False, groupable=False), m.flag("HasOverdueTask", filterable=False, sortable=False, groupable=False),
        m.ref("LastAmountChangedHistoryId", "OpportunityHistory", "N", permissionable=False),
        m.ref("LastCloseDateChangedHistoryId", "OpportunityHistory", "N", permissionable=False),
    ),
    createable=True, updateable=True, deletable=True, undeletable=True, replicateable=True, layoutable=True, searchable=True, triggerable=True, access="object", sharing="owner",
)

OPPORTUNITY_CONTACT_ROLE = SObject(
    "OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Roles", "00K",
    (
        m.record_id(),
        m.ref("OpportunityId", "Opportunity", "C", child_relationship="OpportunityContactRoles", cascade_delete=True),
        m.ref("ContactId", "Contact", "CU", child_relationship="OpportunityContactRoles", cascade_delete=True),
        m.picklist("Role", 40, ("Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker", "Evaluator", "Executive Sponsor", "Influencer", "Technical Buyer", "Other"), permissionable=False),
        m.flag("IsPrimary", "CU", permissionable=False), *m.audit(), m.is_deleted(),
    ),
    createable=True, updateable=True, deletable=True, replicateable=True, layoutable=True, triggerable=True, access="like:Opportunity", sharing="parent:OpportunityId",
)

OPPORTUNITY_STAGE = SObject(
    "OpportunityStage", "Opportunity Stage", "Opportunity Stage", "01J",
    (
        m.record_id(), m.text("MasterLabel", 255, "N", permissionable=False), m.text("ApiName", 255, "", permissionable=False), m.flag("IsActive"),
        m.integer("SortOrder", permissionable=False), m.flag("IsClosed"), m.flag("IsWon"),
        m.picklist("ForecastCategory", 40, FORECAST_VALUES, "", restricted=True), m.picklist("ForecastCategoryName", 255, FORECAST_NAMES, ""),
        m.number("DefaultProbability", 3, 0, "N", kind="percent", permissionable=False), m.text("Description", 255, "N", permissionable=False), *m.audit(),
    ),
)

RECORD_TYPE = SObject(
    "RecordType", "Record Type", "Record Types", "012",
    (
        m.record_id(), m.name_field(80), m.text("DeveloperName", 80, "CU"), m.text("NamespacePrefix", 15, "N", permissionable=False),
        m.text("Description", 255, permissionable=False), m.make("BusinessProcessId", "reference", length=18, permissionable=False, reference_to=("BusinessProcess",), relationship="BusinessProcess"),
        m.picklist("SobjectType", 40, ("Account", "Contact", "Opportunity", "Case"), "C"), m.flag("IsActive", "CU", permissionable=False), *m.audit(),
    ),
    createable=True, updateable=True, replicateable=True,
)

OBJECTS = (ACCOUNT, CONTACT, OPPORTUNITY, OPPORTUNITY_CONTACT_ROLE, OPPORTUNITY_STAGE, RECORD_TYPE)
