"""What goes wrong in a soak: faults that strike and heal, what is promised of each, and when which one comes."""
