"""The revisions, oldest first by number. A released one is never changed; what follows is added as another."""
