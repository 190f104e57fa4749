"""How the sync stands: facts from our ledger and from Dagster, what each means, and its form for programs. Asks Salesforce nothing."""
