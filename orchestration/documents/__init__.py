"""Documents that were generated in Fluint on their way to the Files list of the Opportunity, each version exactly once."""
