"""Alerts: what a person should know of, told once for as long as it lasts. Conditions, incidents, messages and the two ways out."""
