"""A server's threads, listen queue and connections as the kernel tells them, looked at beside the load."""
