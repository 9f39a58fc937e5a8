"""Is anything leaking? Statistics of what was measured from outside. Pure: no clock, no network, no files."""
