"""The roomscribe under test, seen from outside: its process, what it holds, and what may be put into it."""
