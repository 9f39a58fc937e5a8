"""Synthetic people, the demo, and later load, faults and long runs. May import every other room of the house."""
