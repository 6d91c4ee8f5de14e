"""Checks: operators on one value, and what holds of a value (language, section 7)."""
