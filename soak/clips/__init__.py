"""Speech clips for the demo."""
