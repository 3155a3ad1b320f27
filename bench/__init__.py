"""Measurements side by side with what else there is. Ratios within one run decide, not absolute figures."""
