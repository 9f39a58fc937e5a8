"""Logs: how lines look, what may be on them, and how many there may be."""
