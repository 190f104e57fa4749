"""The sync: closes the differences between Salesforce and raw_salesforce, each in the transaction that proves it."""
