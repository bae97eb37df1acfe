"""A process that carries load: users' iterations, when they are due, and how the process itself fares."""
