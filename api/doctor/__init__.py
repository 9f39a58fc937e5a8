"""`roomscribe doctor`: what it tries, and how it tells what it found."""
