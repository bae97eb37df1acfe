"""MQTT: messages to nobody, pings beside them, and messages that come back from the broker."""

from uuid import uuid4

from locust import task

from lockstep import Mqtt, TcpUser


class Device(TcpUser):
    framing = Mqtt()

    def on_connect(self):
        self.note = Mqtt.publish(f"load/{uuid4()}", b"21.5")
        self.client.request(Mqtt.connect(uuid4().hex), expect=Mqtt.CONNACK, name="connect")
        self.client.request(Mqtt.subscribe(Mqtt.published(self.note)[0]), expect=Mqtt.suback())

    @task
    def talk(self):
        self.client.send(Mqtt.publish("load/all", b"21.5"), reply=False, name="publish")
        self.client.request(Mqtt.PINGREQ, expect=Mqtt.PINGRESP, name="ping")
        self.client.request(self.note, expect=self.note, name="there and back")
