"""The workers of a run: who is there, and a way to speak to them, whichever runner Locust has here."""

from __future__ import annotations

from typing import Any

from locust.runners import STATE_MISSING, LocalRunner, MasterRunner


class Workers:
    """runner: Locust's master runner, or its local runner, which is its own only worker."""

    def __init__(self, runner: MasterRunner | LocalRunner) -> None:
        self._runner = runner

    def present(self) -> set[str]:
        """Ids of the workers that are there now."""
        if isinstance(self._runner, MasterRunner):
            return {worker.id for worker in self._runner.clients.all if worker.state != STATE_MISSING}
        return {self._runner.client_id}

    def tell_all(self, kind: str, message: dict[str, Any]) -> None:
        """Send a message to every worker."""
        self._runner.send_message(kind, message)

    def tell(self, worker: str, kind: str, message: dict[str, Any]) -> None:
        """Send a message to one worker."""
        self._runner.send_message(kind, message, client_id=worker)
