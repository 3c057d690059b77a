"""A device of matrix-nio with end-to-end encryption, driven by lines of JSON.

Usage: nio-client.py HOMESERVER USER_ID DEVICE_ID ACCESS_TOKEN FOLDER
Reads {"join": ROOM} and {"room": ROOM, "say": TEXT}; tells {"ready": true}, {"joined": ROOM}, {"said": EVENT}, and of each
message {"room", "sender", "text", "encrypted"}, or {"room", "unreadable"}.
"""

import asyncio
import json
import sys

from nio import (
    AsyncClient,
    AsyncClientConfig,
    MegolmEvent,
    RoomMessageText,
)


def tell(**what):
    print(json.dumps(what), flush=True)


async def commands(client):
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        if "join" in command:
            answer = await client.join(command["join"])
            tell(joined=answer.room_id)
        else:
            room = command["room"]
            while not (room in client.rooms and client.rooms[room].encrypted):
                await client.synced.wait()
                client.synced.clear()
            answer = await client.room_send(
                room,
                "m.room.message",
                {"msgtype": "m.text", "body": command["say"]},
                ignore_unverified_devices=True,
            )
            tell(said=answer.event_id)


async def main(homeserver, user, device, token, folder):
    config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
    client = AsyncClient(homeserver, user, device, folder, config)
    client.restore_login(user, device, token)

    async def message(room, event):
        tell(room=room.room_id, sender=event.sender, text=event.body, encrypted=event.decrypted)

    async def unreadable(room, event):
        tell(room=room.room_id, unreadable=event.event_id)

    client.add_event_callback(message, RoomMessageText)
    client.add_event_callback(unreadable, MegolmEvent)
    if client.should_upload_keys:
        await client.keys_upload()
    syncing = asyncio.create_task(client.sync_forever(timeout=30000, full_state=True))
    await client.synced.wait()
    tell(ready=True)
    asking = asyncio.create_task(commands(client))
    done, _ = await asyncio.wait([syncing, asking], return_when=asyncio.FIRST_COMPLETED)
    syncing.cancel()
    await client.close()
    for task in done:
        task.result()


asyncio.run(main(*sys.argv[1:]))
