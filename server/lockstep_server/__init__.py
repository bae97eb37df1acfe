"""A threaded TCP server that offers one handler under several concurrency modes, each on its own port."""
