"""PostgreSQL: log in on each connection, then simple queries."""

from locust import task

from lockstep import PostgreSQL, TcpUser


class Postgres(TcpUser):
    framing = PostgreSQL()

    def on_connect(self):
        self.client.request(PostgreSQL.startup("postgres"), name="login")

    @task
    def select(self):
        self.client.request(b"SELECT 6 * 7", expect=self.is_42, name="SELECT")

    def is_42(self, reply):
        return PostgreSQL.rows(reply) == [(b"42",)]
