"""One connection as its client sees it: the socket, the exchange, and where each step's time went."""
