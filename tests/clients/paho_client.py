"""Round trips of paho-mqtt: 3.1, 3.1.1 and 5.0, each QoS, retained, will, a session that is resumed, properties.

MQTT_USERNAME and MQTT_PASSWORD, or MQTT_CERT and MQTT_KEY, say who it is; with MQTT_BRIEF it makes the round trips alone.
"""

import os
import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT, TOP = sys.argv[1], int(sys.argv[2]), sys.argv[3]
# The transport is mqtt, mqtts, ws or wss; those with TLS believe the authority in a file.
TRANSPORT, AUTHORITY = sys.argv[4:6] or ("mqtt", None)
PAYLOADS = [b"", bytes(range(256)), b"x" * 100_000, "grüße".encode()]
LIMIT = 20


class Client:
    def __init__(self, version, name, clean=True, will=None):
        self.messages, self.events = queue.Queue(), queue.Queue()
        extra = {} if version == mqtt.MQTTv5 else {"clean_session": clean}
        name = name.replace("/", "-")
        if TRANSPORT in ("ws", "wss"):
            extra["transport"] = "websockets"
        self.mqtt = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=version, **extra)
        if TRANSPORT in ("mqtts", "wss"):
            self.mqtt.tls_set(AUTHORITY, os.environ.get("MQTT_CERT"), os.environ.get("MQTT_KEY"))
        if "MQTT_USERNAME" in os.environ:
            self.mqtt.username_pw_set(os.environ["MQTT_USERNAME"], os.environ["MQTT_PASSWORD"])
        self.mqtt.on_message = lambda _c, _u, message: self.messages.put(message)
        self.mqtt.on_connect = lambda _c, _u, flags, code, _p: self.events.put((flags.session_present, code))
        self.mqtt.on_subscribe = lambda _c, _u, _m, codes, _p: self.events.put(codes)
        if will:
            self.mqtt.will_set(will, b"gone", 1)
        options = {}
        if version == mqtt.MQTTv5:
            options["clean_start"] = clean
            if not clean:
                options["properties"] = Properties(PacketTypes.CONNECT)
                options["properties"].SessionExpiryInterval = 600
        self.mqtt.connect(HOST, PORT, 60, **options)
        self.mqtt.loop_start()
        self.present, code = self.events.get(timeout=LIMIT)
        assert not code.is_failure, code

    def subscribe(self, topic, qos):
        self.mqtt.subscribe(topic, qos)
        codes = self.events.get(timeout=LIMIT)
        assert [c.value for c in codes] == [qos], codes

    def publish(self, *args, **options):
        self.mqtt.publish(*args, **options).wait_for_publish(LIMIT)

    def message(self):
        return self.messages.get(timeout=LIMIT)

    def end(self):
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


def round_trips(version, top):
    subscriber, publisher = Client(version, f"{top}s"), Client(version, f"{top}p")
    for qos in range(3):
        subscriber.subscribe(f"{top}/{qos}/#", qos)
        for number, payload in enumerate(PAYLOADS):
            publisher.publish(f"{top}/{qos}/{number}", payload, qos)
            message = subscriber.message()
            assert (message.topic, message.qos, message.payload) == (f"{top}/{qos}/{number}", qos, payload), message
    publisher.publish(f"{top}/kept", b"kept", 1, retain=True)
    subscriber.subscribe(f"{top}/kept", 1)
    assert subscriber.message().retain
    publisher.publish(f"{top}/kept", b"", 1, retain=True)
    assert subscriber.message().payload == b""
    for each in (subscriber, publisher):
        each.end()


def session(version, top):
    first = Client(version, f"{top}k", clean=False)
    first.subscribe(f"{top}/session", 2)
    first.end()
    other = Client(version, f"{top}o")
    for qos in (1, 2):
        other.publish(f"{top}/session", f"{qos}", qos)
    again = Client(version, f"{top}k", clean=False)
    assert version == mqtt.MQTTv31 or again.present
    assert [again.message().payload for _ in range(2)] == [b"1", b"2"]
    again.end()
    other.end()
    Client(version, f"{top}k").end()


def will(version, top):
    watcher = Client(version, f"{top}w")
    watcher.subscribe(f"{top}/will", 1)
    broken = Client(version, f"{top}b", will=f"{top}/will")
    broken.mqtt.loop_stop()
    broken.mqtt.socket().close()
    assert watcher.message().payload == b"gone"
    watcher.end()


def properties(top):
    client = Client(mqtt.MQTTv5, f"{top}5")
    client.subscribe(f"{top}/properties", 1)
    sent = Properties(PacketTypes.PUBLISH)
    sent.ContentType, sent.ResponseTopic, sent.CorrelationData = "text/plain", "answer", b"\0\1"
    sent.UserProperty = [("b", "1"), ("a", "2"), ("b", "1")]
    client.publish(f"{top}/properties", b"x", 1, properties=sent)
    seen = client.message().properties
    assert seen.UserProperty == sent.UserProperty and seen.CorrelationData == b"\0\1", seen
    assert (seen.ContentType, seen.ResponseTopic) == ("text/plain", "answer"), seen
    client.end()


for number, version in enumerate((mqtt.MQTTv31, mqtt.MQTTv311, mqtt.MQTTv5)):
    round_trips(version, f"{TOP}/{number}")
    if "MQTT_BRIEF" in os.environ:
        continue
    session(version, f"{TOP}/{number}")
    will(version, f"{TOP}/{number}")
properties(TOP)
print("ok")
