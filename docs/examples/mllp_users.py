"""HL7 over MLLP: a block between two marks; the answer's AA is looked for."""

import re

from locust import task

from lockstep import TcpUser


class Clinic(TcpUser):
    framing = "mllp"

    @task
    def admit(self):
        self.client.request(b"MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5", expect=re.compile(rb"\rMSA\|AA\|1"))
