"""Resources: typed configuration that turns into plain objects. No logic of the product belongs here.

A secret is given as the name of its environment variable, so that Dagster shows the name and never the value.
"""
