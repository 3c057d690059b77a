"""A bridge made with mautrix, with encryption and double puppets. Its other network is whoever started it: what somebody
says there comes as a line of JSON, and what people say in Matrix, and what else the bridge is told, goes out as such lines."""

import asyncio
import json
import pathlib
import sys

from mautrix.bridge import BaseBridgeConfig, BaseMatrixHandler, BasePortal, BasePuppet, BaseUser, Bridge
from mautrix.types import EventType, MessageType, TextMessageEventContent
from mautrix.util.async_db import UpgradeTable

tables = UpgradeTable()


@tables.register(description="The only revision")
async def first_revision(conn):
    await conn.execute("CREATE TABLE portal (mxid TEXT PRIMARY KEY, ghost TEXT, owner TEXT, encrypted BOOLEAN)")
    await conn.execute("CREATE TABLE puppet (id TEXT PRIMARY KEY, is_registered BOOLEAN, custom TEXT, token TEXT)")


def tell(**news):
    print(json.dumps(news), flush=True)


class Config(BaseBridgeConfig):
    def do_update(self, helper):
        super().do_update(helper)
        for key in ("username_template", "command_prefix", "double_puppet"):
            helper.copy(f"bridge.{key}")


class User(BaseUser):
    """Everybody in Matrix, each of whom is somebody of the same name on the other network."""

    known = {}

    def __init__(self, mxid):
        self.mxid = mxid
        self.is_whitelisted = True
        self.is_admin = False
        super().__init__()

    @classmethod
    def of(cls, mxid):
        if mxid not in cls.known:
            cls.known[mxid] = cls(mxid)
        return cls.known[mxid]

    async def is_logged_in(self):
        return True

    async def get_puppet(self):
        return await Puppet.of(self.az.intent.parse_user_id(self.mxid)[0])

    async def get_portal_with(self, puppet, create=True):
        return Portal("", puppet.id, self.mxid)


class Puppet(BasePuppet):
    known = {}

    def __init__(self, id, is_registered=False, custom=None, token=None):
        self.id = id
        self.is_registered = is_registered
        self.custom_mxid = custom
        self.access_token = token
        self.base_url = None
        self.default_mxid = f"@{self.prefix}{id}:{self.az.domain}"
        self.default_mxid_intent = self.az.intent.user(self.default_mxid)
        self.intent = self._fresh_intent()
        if custom:
            self.by_custom_mxid[custom] = self

    @classmethod
    async def of(cls, id, create=True):
        if id not in cls.known:
            row = await cls.db.fetchrow("SELECT * FROM puppet WHERE id=$1", id)
            if row is None and not create:
                return None
            cls.known[id] = cls(*row) if row else cls(id)
            await cls.known[id].save()
        return cls.known[id]

    @classmethod
    async def get_by_mxid(cls, mxid, create=True):
        name = mxid[1:].split(":")[0]
        return await cls.of(name[len(cls.prefix) :], create) if name.startswith(cls.prefix) else None

    @classmethod
    async def get_by_custom_mxid(cls, mxid):
        row = await cls.db.fetchrow("SELECT id FROM puppet WHERE custom=$1", mxid)
        return await cls.of(row["id"]) if row else None

    async def save(self):
        await self.db.execute(
            "INSERT INTO puppet (id, is_registered, custom, token) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (id) DO UPDATE SET is_registered=excluded.is_registered, custom=excluded.custom, token=excluded.token",
            *(self.id, self.is_registered, self.custom_mxid, self.access_token),
        )


class Portal(BasePortal):
    known = {}
    is_direct = True

    def __init__(self, mxid, ghost, owner, encrypted=False):
        super().__init__()
        self.mxid = mxid
        self.ghost = ghost
        self.owner = owner
        self.encrypted = bool(encrypted)

    @classmethod
    async def of(cls, mxid):
        if mxid not in cls.known:
            row = await cls.db.fetchrow("SELECT * FROM portal WHERE mxid=$1", mxid)
            if row is None:
                return None
            portal = cls(*row)
            portal.main_intent = (await portal.get_dm_puppet()).default_mxid_intent
            cls.known[mxid] = portal
        return cls.known[mxid]

    async def accept_matrix_dm(self, room_id, invited_by, puppet):
        self.main_intent = puppet.default_mxid_intent
        await super().accept_matrix_dm(room_id, invited_by, puppet)

    async def prepare_remote_dm(self, room_id, invited_by, puppet):
        return "You talk with the other network now."

    async def handle_matrix_invite(self, invited_by, puppet):
        """Anybody of the other network may come along."""

    async def get_dm_puppet(self):
        return await Puppet.of(self.ghost)

    async def save(self):
        self.known[self.mxid] = self
        await self.db.execute(
            "INSERT INTO portal (mxid, ghost, owner, encrypted) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (mxid) DO UPDATE SET encrypted=excluded.encrypted",
            *(self.mxid, self.ghost, self.owner, self.encrypted),
        )

    async def delete(self):
        del self.known[self.mxid]
        await self.db.execute("DELETE FROM portal WHERE mxid=$1", self.mxid)

    bridge_info_state_key = "judge"
    bridge_info = {}

    async def handle_matrix_message(self, sender, message, event_id):
        tell(room=self.mxid, sender=sender.mxid, text=message.body, event=event_id)


class MatrixHandler(BaseMatrixHandler):
    def __init__(self, bridge):
        before, after = bridge.config["bridge.username_template"].split("{userid}")
        self.user_id_prefix = f"@{before}"
        self.user_id_suffix = f"{after}:{bridge.config['homeserver.domain']}"
        super().__init__(bridge=bridge)

    async def handle_read_receipt(self, user, portal, event_id, data):
        tell(read=event_id, by=user.mxid, room=portal.mxid)

    async def handle_ephemeral_event(self, evt):
        if evt.type == EventType.TYPING:
            tell(typing=evt.content.user_ids, room=evt.room_id)
        await super().handle_ephemeral_event(evt)


class JudgeBridge(Bridge):
    module = "judge"
    name = "judge"
    version = "1.0"
    command = "python bridge.py"
    description = "A bridge to whoever started it"
    config_class = Config
    matrix_class = MatrixHandler
    upgrade_table = tables
    base_config_path = str(pathlib.Path(__file__).with_name("bridge.yaml"))

    def prepare_bridge(self):
        super().prepare_bridge()
        for one in (User, Puppet, Portal):
            one.az, one.loop, one.bridge, one.db, one.matrix = self.az, self.loop, self, self.db, self.matrix
        Puppet.mx = self.matrix
        Puppet.prefix = self.config["bridge.username_template"].split("{userid}")[0]
        secrets = (self.config["bridge.double_puppet"] or {}).get("secrets", {})
        Puppet.login_shared_secret_map = {server: secret.encode() for server, secret in secrets.items()}
        self._listen_to_transactions()

    def _listen_to_transactions(self):
        """Tells what the library is given by each transaction, before it works on it."""
        handle = self.az.handle_transaction

        async def told(txn_id, *, events, ephemeral=None, to_device=None, device_lists=None, otk_counts=None, **rest):
            tell(
                txn=int(txn_id),
                events=[event["event_id"] for event in events],
                to_device=len(to_device or []),
                changed=list(device_lists.changed) if device_lists else [],
                left=list(device_lists.left) if device_lists else [],
                keys=[count.signed_curve25519 for devices in (otk_counts or {}).values() for count in devices.values()],
            )
            given = dict(events=events, ephemeral=ephemeral, to_device=to_device)
            return await handle(txn_id, **given, device_lists=device_lists, otk_counts=otk_counts, **rest)

        self.az.handle_transaction = told

    async def start(self):
        await super().start()
        for row in await self.db.fetch("SELECT id FROM puppet WHERE custom IS NOT NULL"):
            await (await Puppet.of(row["id"])).try_start()
        reader = asyncio.StreamReader()
        await self.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self.listening = asyncio.create_task(self.listen(reader))
        tell(ready=True, device=self.matrix.e2ee.client.device_id)

    async def listen(self, reader):
        while line := await reader.readline():
            try:
                await self.do(json.loads(line))
            except Exception as error:
                tell(failed=f"{type(error).__name__}: {error}")
        self.manual_stop()

    async def do(self, command):
        if "double" in command:
            mxid = command["double"]
            puppet = await Puppet.of(self.az.intent.parse_user_id(mxid)[0])
            await puppet.switch_mxid(command["token"], mxid)
            tell(doubled=mxid)
            return
        portal = await Portal.of(command["room"])
        puppet = await Puppet.of(command["name"])
        if "typing" in command:
            await puppet.intent.set_typing(portal.mxid, command["typing"])
            return
        content = TextMessageEventContent(msgtype=MessageType.TEXT, body=command["say"])
        event_id = await portal._send_message(puppet.intent, content, timestamp=command.get("ts"))
        tell(said=command["say"], event=event_id)

    async def get_user(self, user_id, create=True):
        return None if self.is_bridge_ghost(user_id) else User.of(user_id)

    async def get_portal(self, room_id):
        return await Portal.of(room_id)

    async def get_puppet(self, user_id, create=False):
        return await Puppet.get_by_mxid(user_id, True)

    async def get_double_puppet(self, user_id):
        return await Puppet.get_by_custom_mxid(user_id)

    def is_bridge_ghost(self, user_id):
        return user_id.startswith(self.matrix.user_id_prefix) and user_id != self.az.bot_mxid

    async def count_logged_in_users(self):
        return len(Puppet.by_custom_mxid)


JudgeBridge().run()
