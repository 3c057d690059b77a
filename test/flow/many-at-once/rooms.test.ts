import { expect, it } from 'vitest'
import type { Answer, Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { allDone, asking, atOnce, each, enc, onlyOne, statuses, type Writes } from './together.ts'

const bodyOf = (n: number) => ({ msgtype: 'm.text', body: `${n}` })

const people = async (home: TestHomeserver): Promise<readonly TestClient[]> => {
  const made: TestClient[] = []
  for (const _ of each((n) => n)) made.push(await home.register('person'))
  return made
}

/** A room with an owner, and 32 people who are not in it. */
const outside = async (home: TestHomeserver, options: Json = { preset: 'public_chat' }) => {
  const owner = await home.register('owner')
  const strangers = await people(home)
  return { owner, roomId: await owner.createRoom(options), strangers, of: (n: number) => strangers[n] as TestClient }
}
/** The same with the people in it. */
const inside = async (home: TestHomeserver) => {
  const room = await outside(home)
  for (const stranger of room.strangers) await stranger.join(room.roomId)
  return room
}
const members = async (client: TestClient, roomId: string, membership: string): Promise<readonly string[]> =>
  (await client.get(`/v3/rooms/${enc(roomId)}/members`, { membership })).chunk
    .map(({ state_key }: Json) => state_key)
    .sort()
const ids = (clients: readonly TestClient[]): readonly string[] => clients.map(({ userId }) => userId).sort()

const events: Writes = {
  'sends: 32 messages of one user': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/rooms/${enc(roomId)}/send/m.room.message/t${n}`,
        (n) => ({ body: bodyOf(n) }),
      ),
      after: async (answers) => {
        allDone(answers)
        const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 32 })
        expect(chunk.map(({ event_id }: Json): string => event_id).sort()).toEqual(
          answers.map(({ body }): string => body.event_id).sort(),
        )
      },
    }
  },
  'sends: 32 users in one room': async (home) => {
    const { roomId, of, owner } = await inside(home)
    return {
      request: (n) => of(n).request('PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/t`, { body: bodyOf(n) }),
      after: async (answers) => {
        allDone(answers)
        const { chunk } = await owner.messages(roomId, { dir: 'b', limit: 32 })
        expect(chunk.map(({ event_id }: Json): string => event_id).sort()).toEqual(
          answers.map(({ body }): string => body.event_id).sort(),
        )
      },
    }
  },
  'sends: one transaction 32 times is one event': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    return {
      request: asking(
        alice,
        'PUT',
        () => `/v3/rooms/${enc(roomId)}/send/m.room.message/t`,
        (n) => ({ body: bodyOf(n) }),
      ),
      after: (answers) => {
        allDone(answers)
        expect(new Set(answers.map(({ body }) => body.event_id)).size).toBe(1)
      },
    }
  },
  'state: 32 values of one entry': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    return {
      request: asking(
        alice,
        'PUT',
        () => `/v3/rooms/${enc(roomId)}/state/m.room.topic`,
        (n) => ({ body: { topic: `${n}` } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const { topic } = await alice.getState(roomId, 'm.room.topic')
        const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 32 })
        expect(chunk[0]).toMatchObject({ event_id: answers[Number(topic)]?.body.event_id, content: { topic } })
        expect(new Set(chunk.map(({ event_id }: Json) => event_id)).size).toBe(32)
      },
    }
  },
  'state: 32 entries': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/rooms/${enc(roomId)}/state/org.example/k${n}`,
        (n) => ({ body: { n } }),
      ),
      after: async (answers) => {
        allDone(answers)
        for (const n of each((one) => one)) expect(await alice.getState(roomId, 'org.example', `k${n}`)).toEqual({ n })
      },
    }
  },
  'redactions: 32 events': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    const sent: string[] = []
    for (const n of each((one) => one)) sent.push(await alice.sendText(roomId, `${n}`))
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/rooms/${enc(roomId)}/redact/${enc(sent[n] as string)}/r${n}`,
        () => ({ body: {} }),
      ),
      after: async (answers) => {
        allDone(answers)
        for (const [n, id] of sent.entries()) {
          const event = await alice.getEvent(roomId, id)
          expect([event.content, event.unsigned.redacted_because.event_id]).toEqual([{}, answers[n]?.body.event_id])
        }
      },
    }
  },
  'redactions: one event 32 times': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    const sent = await alice.sendText(roomId, 'said')
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/rooms/${enc(roomId)}/redact/${enc(sent)}/r${n}`,
        () => ({ body: {} }),
      ),
      after: async (answers) => {
        allDone(answers)
        const event = await alice.getEvent(roomId, sent)
        expect(answers.map(({ body }) => body.event_id)).toContain(event.unsigned.redacted_because.event_id)
      },
    }
  },
}

const rooms: Writes = {
  'room creation: 32 rooms of one user': async (home) => {
    const alice = await home.register('alice')
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/createRoom',
        (n) => ({ body: { name: `${n}` } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const made = answers.map(({ body }): string => body.room_id).sort()
        expect((await alice.get('/v3/joined_rooms')).joined_rooms.sort()).toEqual(made)
        expect(new Set(made).size).toBe(32)
      },
    }
  },
  'room creation: one alias is given once': async (home) => {
    const alice = await home.register('alice')
    const room_alias_name = `taken-${alice.userId.slice(1).replace(/:.*/, '')}`
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/createRoom',
        () => ({ body: { room_alias_name } }),
      ),
      after: async (answers) => {
        const { body } = onlyOne(answers, 400, 'M_ROOM_IN_USE')
        const alias = enc(`#${room_alias_name}:${home.serverName}`)
        expect((await alice.get(`/v3/directory/room/${alias}`)).room_id).toBe(body.room_id)
      },
    }
  },
  'room creation: one transaction of 2015 makes one room': async (home) => {
    const alice = await home.register('alice')
    return {
      request: asking(
        alice,
        'PUT',
        () => '/_matrix/client/api/v1/createRoom/1',
        () => ({ body: {} }),
      ),
      after: async (answers) => {
        allDone(answers)
        const made = new Set(answers.map(({ body }) => body.room_id))
        expect((await alice.get('/v3/joined_rooms')).joined_rooms).toEqual([...made])
      },
    }
  },
  'aliases: 32 aliases of one room': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    const alias = (n: number): string => `#${roomId.slice(1, 15).toLowerCase()}-${n}:${home.serverName}`
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/directory/room/${enc(alias(n))}`,
        () => ({ body: { room_id: roomId } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const { aliases } = await alice.get(`/v3/rooms/${enc(roomId)}/aliases`)
        expect(aliases.sort()).toEqual([...each(alias)].sort())
      },
    }
  },
  'aliases: one alias for 32 rooms is given once': async (home) => {
    const alice = await home.register('alice')
    const made: string[] = []
    for (const _ of each((n) => n)) made.push(await alice.createRoom())
    const alias = enc(`#${made[0]?.slice(1, 15)}:${home.serverName}`)
    return {
      request: asking(
        alice,
        'PUT',
        () => `/v3/directory/room/${alias}`,
        (n) => ({ body: { room_id: made[n] } }),
      ),
      after: async (answers) => {
        const given = answers.indexOf(onlyOne(answers, 409, 'M_UNKNOWN'))
        expect((await alice.get(`/v3/directory/room/${alias}`)).room_id).toBe(made[given])
      },
    }
  },
  'aliases: 32 are removed from the room that names them all, as in 2015': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    const alias = (n: number): string => `#${roomId.slice(1, 15).toLowerCase()}-${n}:${home.serverName}`
    for (const n of each((one) => one)) await alice.put(`/v3/directory/room/${enc(alias(n))}`, { room_id: roomId })
    await alice.setState(roomId, 'm.room.canonical_alias', '', { alt_aliases: each(alias) })
    return {
      request: asking(alice, 'DELETE', (n) => `/_matrix/client/api/v1/directory/room/${enc(alias(n))}`),
      after: async (answers) => {
        allDone(answers)
        expect((await alice.get(`/v3/rooms/${enc(roomId)}/aliases`)).aliases).toEqual([])
        expect(await alice.getState(roomId, 'm.room.canonical_alias')).toEqual({})
      },
    }
  },
  'directory visibility: changed 32 times': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const path = `/v3/directory/list/room/${enc(roomId)}`
    return {
      request: asking(
        alice,
        'PUT',
        () => path,
        (n) => ({ body: { visibility: n % 2 === 0 ? 'public' : 'private' } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(['public', 'private']).toContain((await alice.get(path)).visibility)
      },
    }
  },
}

const memberships: Writes = {
  'joins: of 32 users': async (home) => {
    const { owner, roomId, of, strangers } = await outside(home)
    return {
      request: (n) => of(n).request('POST', `/v3/join/${enc(roomId)}`, { body: {} }),
      after: async (answers) => {
        allDone(answers)
        expect(await members(owner, roomId, 'join')).toEqual(ids([owner, ...strangers]))
      },
    }
  },
  'joins: one user 32 times': async (home) => {
    const { roomId, of } = await outside(home)
    return {
      request: () => of(0).request('POST', `/v3/rooms/${enc(roomId)}/join`, { body: {} }),
      after: async (answers) => {
        allDone(answers)
        expect((await of(0).get('/v3/joined_rooms')).joined_rooms).toEqual([roomId])
      },
    }
  },
  'invites: 32 users': async (home) => {
    const { owner, roomId, of, strangers } = await outside(home)
    return {
      request: asking(
        owner,
        'POST',
        () => `/v3/rooms/${enc(roomId)}/invite`,
        (n) => ({ body: { user_id: of(n).userId } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(await members(owner, roomId, 'invite')).toEqual(ids(strangers))
      },
    }
  },
  'invites: one user 32 times': async (home) => {
    const { owner, roomId, of } = await outside(home)
    return {
      request: asking(
        owner,
        'POST',
        () => `/v3/rooms/${enc(roomId)}/invite`,
        () => ({ body: { user_id: of(0).userId } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(await members(owner, roomId, 'invite')).toEqual([of(0).userId])
      },
    }
  },
  'knocks: of 32 users': async (home) => {
    const initial_state = [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }]
    const { owner, roomId, of, strangers } = await outside(home, { initial_state })
    return {
      request: (n) => of(n).request('POST', `/v3/knock/${enc(roomId)}`, { body: {} }),
      after: async (answers) => {
        allDone(answers)
        expect(await members(owner, roomId, 'knock')).toEqual(ids(strangers))
      },
    }
  },
  'kicks: 32 users': async (home) => {
    const { owner, roomId, of, strangers } = await inside(home)
    return {
      request: asking(
        owner,
        'POST',
        () => `/v3/rooms/${enc(roomId)}/kick`,
        (n) => ({ body: { user_id: of(n).userId } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(await members(owner, roomId, 'leave')).toEqual(ids(strangers))
      },
    }
  },
  'bans: 32 users, of whom some join': async (home) => {
    const { owner, roomId, of, strangers } = await outside(home)
    const joins: Promise<Answer>[] = []
    return {
      request: (n) => {
        joins.push(of(n).request('POST', `/v3/join/${enc(roomId)}`, { body: {} }))
        return owner.request('POST', `/v3/rooms/${enc(roomId)}/ban`, { body: { user_id: of(n).userId } })
      },
      after: async (answers) => {
        allDone(answers)
        expect(statuses(await Promise.all(joins)).filter((status) => status !== 200 && status !== 403)).toEqual([])
        expect(await members(owner, roomId, 'ban')).toEqual(ids(strangers))
      },
    }
  },
  'unbans: 32 users': async (home) => {
    const { owner, roomId, of, strangers } = await outside(home)
    for (const { userId } of strangers) await owner.ban(roomId, userId)
    return {
      request: asking(
        owner,
        'POST',
        () => `/v3/rooms/${enc(roomId)}/unban`,
        (n) => ({ body: { user_id: of(n).userId } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(await members(owner, roomId, 'ban')).toEqual([])
      },
    }
  },
  'leaves: of 32 users, who forget the room': async (home) => {
    const { owner, roomId, of, strangers } = await inside(home)
    return {
      request: async (n) => {
        await of(n).request('POST', `/v3/rooms/${enc(roomId)}/leave`, { body: {} })
        return of(n).request('POST', `/v3/rooms/${enc(roomId)}/forget`, { body: {} })
      },
      after: async (answers) => {
        allDone(answers)
        expect(await members(owner, roomId, 'leave')).toEqual(ids(strangers))
      },
    }
  },
}

onEveryHomeserver('32 at once, none answered 500 and none lost', (start) =>
  atOnce(start, { ...events, ...rooms, ...memberships }),
)

onEveryHomeserver('after a restart', (start) => {
  it.each(['send', 'redact'])(
    '30 old transaction ids sent again at once (%s) leave the sends of everybody alone',
    async (kind) => {
      await using home = await start()
      const alice = await home.register('alice')
      const bob = await home.register('bob')
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(roomId)
      const said: string[] = []
      for (let n = 0; n < 30; n++) said.push(await bob.sendText(roomId, `${n}`))
      const old = (n: number): Promise<Json> =>
        kind === 'send'
          ? alice.put(`/v3/rooms/${enc(roomId)}/send/m.room.message/old${n}`, bodyOf(n))
          : alice.put(`/v3/rooms/${enc(roomId)}/redact/${enc(said[n] as string)}/old${n}`)
      const first: string[] = []
      for (let n = 0; n < 30; n++) first.push((await old(n)).event_id)
      await home.restart()
      const [again, fresh] = await Promise.all([
        Promise.all(first.map((_, n) => old(n))),
        Promise.all(
          each((n) => bob.request('PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/new${n}`, { body: bodyOf(n) })),
        ),
      ])
      allDone(fresh)
      expect(again.map(({ event_id }) => event_id)).toEqual(first)
      const { chunk } = await bob.messages(roomId, { dir: 'b', limit: 32 })
      expect(chunk.map(({ event_id }: Json): string => event_id).sort()).toEqual(
        fresh.map(({ body }): string => body.event_id).sort(),
      )
    },
  )
})
