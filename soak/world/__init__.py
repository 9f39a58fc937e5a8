"""Rooms and people of a soak, as a roomscribe meets them: real signaling, real WebRTC, real speech."""
