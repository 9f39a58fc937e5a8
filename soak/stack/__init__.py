"""The real signaling stack on loopback: HPB, Janus and a stand-in for the chat server, started and stopped at will.

For tests, benchmarks and soak runs. The programs come from Debian packages; see `programs`.
"""

from .firewall import Firewall
from .nextcloud import Nextcloud
from .programs import Missing, Programs, find_programs
from .stack import RealStack, StackFailed
from .wire import Wire

__all__ = ["Firewall", "Missing", "Nextcloud", "Programs", "RealStack", "StackFailed", "Wire", "find_programs"]
