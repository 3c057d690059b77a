import { join } from 'node:path'
import { silentLogger, systemClock } from '#base'
import type { EventId, RoomId, UserId } from '#spec'
import { headOf, openStore, type RoomChange, writers } from '#store'

/** The change that another process makes of a room whose branches meet: a message, and with it the state that resolution arrives at. */
export const resolveElsewhere = async (
  dataFolder: string,
  roomId: string,
  state: readonly Omit<RoomChange['state'][number], 'by'>[],
): Promise<void> => {
  const store = await openStore({
    url: `sqlite:${join(dataFolder, 'homeroom.sqlite')}`,
    clock: systemClock,
    logger: silentLogger,
  })
  try {
    const record = await store.rooms.roomByRoomId(roomId as RoomId)
    if (record === undefined) throw new Error('no such room')
    const { room, sequence, extremities } = record
    const eventId = `$${'m'.repeat(43)}` as EventId
    const depth = Math.max(...extremities.map((extremity) => extremity.depth)) + 1
    const pdu = { type: 'm.room.message', content: { body: 'the branches meet' }, depth, origin_server_ts: 1 }
    const event = {
      eventId,
      type: pdu.type,
      stateKey: undefined,
      sender: '@alice:localhost' as UserId,
      originServerTs: 1,
      depth,
      json: JSON.stringify(pdu),
      placing: 'timeline' as const,
      prevEvents: extremities.map((extremity) => extremity.eventId),
      authEvents: [],
    }
    const change = {
      events: [event],
      state: state.map((entry) => ({ ...entry, by: eventId })),
      extremities: [{ eventId, depth }],
      redactions: [],
    }
    await store.commit([writers.rooms.apply({ room, base: { sequence, head: headOf(extremities) }, ...change })])
  } finally {
    await store.close()
  }
}
