"""Who and what may come in: licences, filters, and the questions people ask about both. Nothing here reads full records."""
