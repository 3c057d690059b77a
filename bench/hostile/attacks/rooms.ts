import { type Attack, texts, times } from '../attack.ts'
import type { Attacker } from '../attacker.ts'

const enc = encodeURIComponent
const inRoom = (attacker: Attacker, rest: string): string => `/v3/rooms/${enc(attacker.roomId)}/${rest}`

const withState = async (attacker: Attacker, scale: number): Promise<void> => {
  attacker.roomId = await attacker.room()
  const text = 'x'.repeat(5_000)
  await times(3_000 * scale, (index) => attacker.state(attacker.roomId, 'org.example.state', `${index}`, { text }))
}

/** A room of short messages, and a stored filter that is dear to hold against each. */
const costlyFilter = (name: string, filter: object): Attack => ({
  name,
  pace: 50,
  atOnce: 8,
  prepare: async (attacker, scale) => {
    attacker.roomId = await attacker.room()
    await times(2_000 * scale, (index) =>
      attacker.send(attacker.roomId, { body: `${index}` }, `${'a'.repeat(240)}${index}`),
    )
    const path = `/v3/user/${enc(attacker.userId)}/filter`
    attacker.since = String((await attacker.must('POST', path, { body: filter })).filter_id)
  },
  act: (attacker) => attacker.ask('GET', `/v3/sync?filter=${attacker.since}`),
})

/** Rooms that are large in one way or another, and are read. */
export const roomAttacks: readonly Attack[] = [
  {
    name: 'the whole state of a room with 3,000 entries of 5 KB, five at once',
    pace: 50,
    atOnce: 5,
    prepare: withState,
    act: (attacker) => attacker.ask('GET', inRoom(attacker, 'state')),
  },
  {
    name: 'first syncs of that room, five at once',
    pace: 50,
    atOnce: 5,
    prepare: withState,
    act: (attacker) => attacker.ask('GET', '/v3/sync'),
  },
  {
    name: 'an event of a room whose history visibility was set 1,000 times',
    pace: 50,
    atOnce: 8,
    prepare: async (attacker, scale) => {
      attacker.roomId = await attacker.room()
      await times(1_000 * scale, (index) =>
        attacker.state(attacker.roomId, 'm.room.history_visibility', '', {
          history_visibility: ['joined', 'shared'][index % 2],
          filler: `${index}`.repeat(200),
        }),
      )
      attacker.since = String((await attacker.send(attacker.roomId, { msgtype: 'm.text', body: 'x' })).event_id)
    },
    act: (attacker) => attacker.ask('GET', inRoom(attacker, `event/${enc(attacker.since)}`)),
  },
  {
    name: 'pages with a filter that matches nothing, over messages of 60 KB',
    pace: 50,
    atOnce: 8,
    prepare: async (attacker, scale) => {
      attacker.roomId = await attacker.room()
      await times(400 * scale, () => attacker.send(attacker.roomId, { msgtype: 'm.text', body: 'x'.repeat(60_000) }))
    },
    act: (attacker) =>
      attacker.ask('GET', inRoom(attacker, `messages?dir=b&limit=100&filter=${enc('{"types":["none"]}')}`)),
  },
  {
    name: 'the room directory with topics of 27 KB, without a token',
    pace: 50,
    atOnce: 8,
    prepare: (attacker, scale) =>
      times(300 * scale, (index) =>
        attacker.room({ visibility: 'public', name: `${index}`, topic: `${index} ${'topic '.repeat(4_500)}` }),
      ),
    act: (attacker, round) =>
      round % 2 === 0
        ? attacker.ask('GET', '/v3/publicRooms', { token: '' })
        : attacker.ask('POST', '/v3/publicRooms', { body: { filter: { generic_search_term: `none${round}` } } }),
  },
  costlyFilter('syncs with as many patterns as a filter may have, over events of types that nearly match', {
    room: { timeline: { limit: 100, types: texts(100, (index) => `${'*a'.repeat(4)}*b${index}`) } },
  }),
  costlyFilter('syncs with 490 fields of events, over short messages', {
    event_fields: texts(490, (index) => `content.body.a${index}.b.c.d`),
    room: { timeline: { limit: 1_000 } },
  }),
  {
    name: 'a room with 2,000 aliases in the directory of 2015',
    pace: 50,
    atOnce: 8,
    prepare: async (attacker, scale) => {
      attacker.roomId = await attacker.room({ visibility: 'public', name: attacker.name })
      await times(2_000 * scale, (index) => {
        const alias = `#${attacker.name}-${`${index}`.padStart(200, 'x')}:localhost`
        return attacker.must('PUT', `/v3/directory/room/${enc(alias)}`, { body: { room_id: attacker.roomId } })
      })
    },
    act: (attacker) => attacker.ask('GET', '/_matrix/client/api/v1/publicRooms', { token: '' }),
  },
  {
    name: 'typing, receipts and presence without end',
    pace: 20,
    atOnce: 8,
    prepare: async (attacker) => {
      attacker.roomId = await attacker.room({ preset: 'public_chat' })
      const { event_id: eventId } = await attacker.send(attacker.roomId, { msgtype: 'm.text', body: 'x' })
      attacker.since = String(eventId)
    },
    act: (attacker, round) => {
      const own = enc(attacker.userId)
      const [path, body] = [
        [inRoom(attacker, `typing/${own}`), { typing: round % 2 === 0, timeout: 30_000 }],
        [inRoom(attacker, `receipt/m.read/${enc(attacker.since)}`), {}],
        [`/v3/presence/${own}/status`, { presence: 'online', status_msg: 'x'.repeat(1_000) }],
      ][round % 3] as [string, object]
      return attacker.ask(path.includes('/receipt/') ? 'POST' : 'PUT', path, { body })
    },
  },
  {
    name: 'rooms made with a state as large as a request may be',
    pace: 2,
    atOnce: 2,
    act: (attacker, round) =>
      attacker.ask('POST', '/v3/createRoom', {
        body: {
          initial_state: Array.from({ length: 1_000 }, (_, index) => ({
            type: 'org.example',
            state_key: `${round}_${index}`,
            content: { a: [] },
          })),
        },
      }),
  },
]
