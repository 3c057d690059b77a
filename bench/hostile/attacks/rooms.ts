import { type Attack, times } from '../attack.ts'
import type { Attacker } from '../attacker.ts'

const enc = encodeURIComponent
const inRoom = (attacker: Attacker, rest: string): string => `/v3/rooms/${enc(attacker.roomId)}/${rest}`

const withState = async (attacker: Attacker, scale: number): Promise<void> => {
  attacker.roomId = await attacker.room()
  const text = 'x'.repeat(5_000)
  await times(3_000 * scale, (index) => attacker.state(attacker.roomId, 'org.example.state', `${index}`, { text }))
}

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
