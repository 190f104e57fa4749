"""The parts of the demo org, one module per kind of record. `local_org.demo_data` puts them together; nobody else needs them."""
