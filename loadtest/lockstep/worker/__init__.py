"""A process that carries load: users' turns, when they are due, and how the process itself fares."""
