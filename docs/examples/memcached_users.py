"""memcached: a value is kept, found, and one that was never there is missed."""

from locust import task

from lockstep import Memcached, TcpUser


class Cache(TcpUser):
    framing = Memcached()

    @task
    def use(self):
        self.client.request(Memcached.set("k", "xxx"), expect=b"STORED", name="set")
        self.client.request(Memcached.get("k"), expect=b"VALUE k 0 3\r\nxxx\r\nEND", name="get")
        self.client.request(Memcached.get("nothing"), expect=b"END", name="miss")
