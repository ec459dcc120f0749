"""Round trips of aiomqtt: 3.1.1 and 5.0, each QoS, many at once."""

import asyncio
import sys

import aiomqtt

HOST, PORT, TOP = sys.argv[1], int(sys.argv[2]), sys.argv[3]
COUNT = 200


async def round_trips(version, top):
    async with aiomqtt.Client(HOST, PORT, protocol=version) as client:
        await client.subscribe(f"{top}/#", qos=2)
        for qos in range(3):
            async with asyncio.TaskGroup() as tasks:
                for number in range(COUNT):
                    tasks.create_task(client.publish(f"{top}/{qos}/{number}", str(number), qos=qos, timeout=30))
            seen = set()
            async for message in client.messages:
                assert message.qos == qos, message
                assert str(message.topic) == f"{top}/{qos}/{message.payload.decode()}", message
                seen.add(message.payload)
                if len(seen) == COUNT:
                    break


async def main():
    for number, version in enumerate((aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5)):
        await asyncio.wait_for(round_trips(version, f"{TOP}/{number}"), 60)


asyncio.run(main())
print("ok")
