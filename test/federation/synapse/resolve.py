"""Resolves states as Synapse does: reads one JSON object a line, writes one a line.

in:  {"version": "11", "room_id": "!…", "events": [PDU…], "sets": [[event id…]…]}
out: {"resolved": [event id…]}

All events are handed to Synapse as not yet stored, so that its own code walks the auth chains.
"""

import asyncio
import json
import sys

import synapse.event_auth  # first: the modules of state import each other
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, StateResolutionVersions
from synapse.events import make_event_from_dict
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference


class NoClock:
    async def sleep(self, duration):
        pass


class NothingStored:
    """The store that Synapse asks for events beside those that it was given."""

    async def get_events(self, event_ids, allow_rejected=False):
        return {}

    async def get_auth_chain_difference(self, room_id, state_sets, conflicted, additional):
        assert not any(state_sets)
        return StateDifference(auth_difference=set(), conflicted_subgraph=None if conflicted is None else set())


async def resolve(question):
    version = KNOWN_ROOM_VERSIONS[question["version"]]
    events = {}
    for pdu in question["events"]:
        event = make_event_from_dict(pdu, version)
        events[event.event_id] = event
    sets = [
        {(events[event_id].type, events[event_id].state_key): event_id for event_id in one} for one in question["sets"]
    ]
    if version.state_res == StateResolutionVersions.V1:

        async def stored(event_ids):
            return {event_id: events[event_id] for event_id in event_ids}

        return await v1.resolve_events_with_store(question["room_id"], version, sets, dict(events), stored)
    return await v2.resolve_events_with_store(
        NoClock(), question["room_id"], version, sets, dict(events), NothingStored()
    )


print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    try:
        state = asyncio.run(resolve(json.loads(line)))
        answer = {"resolved": sorted(state.values())}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
