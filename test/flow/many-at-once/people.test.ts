import { expect } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { allDone, asking, atOnce, each, enc, type Writes } from './together.ts'

/** A room of 32 members, and its owner. */
const crowd = async (home: TestHomeserver) => {
  const owner = await home.register('owner')
  const roomId = await owner.createRoom({ preset: 'public_chat' })
  const members: TestClient[] = []
  for (const _ of each((n) => n)) members.push(await home.register('member'))
  for (const member of members) await member.join(roomId)
  return { owner, roomId, members }
}

const pusher = (n: number, pushkey = `key${n}`): Json => ({
  pushkey,
  kind: 'http',
  app_id: 'org.example.app',
  app_display_name: 'App',
  device_display_name: `Phone ${n}`,
  lang: 'en',
  data: { url: 'https://push.example.org/_matrix/push/v1/notify' },
})

const profiles: Writes = {
  'profile: one name is changed 32 times, and the rooms end with what the profile ends with': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    return {
      request: asking(
        alice,
        'PUT',
        () => `/v3/profile/${enc(alice.userId)}/displayname`,
        (n) => ({ body: { displayname: `name ${n}` } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const { displayname } = await alice.get(`/v3/profile/${enc(alice.userId)}/displayname`)
        expect(each((n) => `name ${n}`)).toContain(displayname)
        await expect
          .poll(async () => (await alice.getState(roomId, 'm.room.member', alice.userId)).displayname, {
            timeout: 5_000,
          })
          .toBe(displayname)
      },
    }
  },
  'profile: 32 fields': async (home) => {
    const alice = await home.register('alice')
    const field = (n: number): string => `org.example.f${n}`
    return {
      request: asking(
        alice,
        'PUT',
        (n) => `/v3/profile/${enc(alice.userId)}/${field(n)}`,
        (n) => ({ body: { [field(n)]: n } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(await alice.get(`/v3/profile/${enc(alice.userId)}`)).toMatchObject(
          Object.fromEntries(each((n) => [field(n), n])),
        )
      },
    }
  },
  'profile: fields are removed and set': async (home) => {
    const alice = await home.register('alice')
    const path = (n: number): string => `/v3/profile/${enc(alice.userId)}/org.example.f${n}`
    for (const n of each((one) => one)) if (n % 2 === 0) await alice.put(path(n), { [`org.example.f${n}`]: n })
    return {
      request: (n) =>
        n % 2 === 0
          ? alice.request('DELETE', path(n))
          : alice.request('PUT', path(n), { body: { [`org.example.f${n}`]: n } }),
      after: async (answers) => {
        allDone(answers)
        const fields = Object.keys(await alice.get(`/v3/profile/${enc(alice.userId)}`))
        for (const n of each((one) => one)) expect(fields.includes(`org.example.f${n}`)).toBe(n % 2 === 1)
      },
    }
  },
  'pushers: 32 pushers': async (home) => {
    const alice = await home.register('alice')
    return {
      request: asking(
        alice,
        'POST',
        () => '/v3/pushers/set',
        (n) => ({ body: pusher(n) }),
      ),
      after: async (answers) => {
        allDone(answers)
        const keys = (await alice.get('/v3/pushers')).pushers.map(({ pushkey }: Json) => pushkey)
        expect(([...keys] as string[]).sort()).toEqual([...each((n) => `key${n}`)].sort())
      },
    }
  },
  'pushers: one key set by 32 users has one owner': async (home) => {
    const members: TestClient[] = []
    for (const _ of each((n) => n)) members.push(await home.register('phone'))
    const key = home.serverName + Math.random()
    return {
      request: (n) => (members[n] as TestClient).request('POST', '/v3/pushers/set', { body: pusher(n, key) }),
      after: async (answers) => {
        allDone(answers)
        const owners = await Promise.all(members.map(async (member) => (await member.get('/v3/pushers')).pushers))
        expect(owners.flat()).toHaveLength(1)
      },
    }
  },
  'openid: 32 tokens': async (home) => {
    const alice = await home.register('alice')
    return {
      request: asking(
        alice,
        'POST',
        () => `/v3/user/${enc(alice.userId)}/openid/request_token`,
        () => ({ body: {} }),
      ),
      after: async (answers) => {
        allDone(answers)
        for (const { body } of answers) {
          const path = '/_matrix/federation/v1/openid/userinfo'
          expect(await alice.ok('GET', path, { query: { access_token: body.access_token }, token: null })).toEqual({
            sub: alice.userId,
          })
        }
      },
    }
  },
}

const passing: Writes = {
  'receipts: 32 receipts of one user': async (home) => {
    const alice = await home.register('alice')
    const bob = await home.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const events: string[] = []
    for (const n of each((one) => one)) events.push(await bob.sendText(roomId, `${n}`))
    return {
      request: asking(
        alice,
        'POST',
        (n) => `/v3/rooms/${enc(roomId)}/receipt/m.read/${enc(events[n] as string)}`,
        () => ({ body: {} }),
      ),
      after: async (answers) => {
        allDone(answers)
        const receipts = (await bob.sync()).rooms.join[roomId].ephemeral.events.find(
          ({ type }: Json) => type === 'm.receipt',
        ).content
        const read = Object.keys(receipts).filter((id) => receipts[id]['m.read']?.[alice.userId] !== undefined)
        // A receipt never goes back, so the newest event is the result of every order.
        expect(read).toEqual([events.at(-1)])
      },
    }
  },
  'receipts: of 32 users': async (home) => {
    const { owner, roomId, members } = await crowd(home)
    const eventId = await owner.sendText(roomId, 'read this')
    return {
      request: (n) =>
        (members[n] as TestClient).request('POST', `/v3/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`, {
          body: {},
        }),
      after: async (answers) => {
        allDone(answers)
        const { events } = (await owner.sync()).rooms.join[roomId].ephemeral
        const receipts = events.find(({ type }: Json) => type === 'm.receipt').content[eventId]['m.read']
        for (const { userId } of members) expect(receipts[userId]).toBeDefined()
      },
    }
  },
  'read markers: 32 of one user': async (home) => {
    const alice = await home.register('alice')
    const roomId = await alice.createRoom()
    const events: string[] = []
    for (const n of each((one) => one)) events.push(await alice.sendText(roomId, `${n}`))
    return {
      request: asking(
        alice,
        'POST',
        () => `/v3/rooms/${enc(roomId)}/read_markers`,
        (n) => ({ body: { 'm.fully_read': events[n], 'm.read': events[n] } }),
      ),
      after: async (answers) => {
        allDone(answers)
        const path = `/v3/user/${enc(alice.userId)}/rooms/${enc(roomId)}/account_data/m.fully_read`
        // It never goes back, so the newest event is the result of every order.
        expect((await alice.get(path)).event_id).toBe(events.at(-1))
      },
    }
  },
  'typing: of 32 users': async (home) => {
    const { owner, roomId, members } = await crowd(home)
    const { next_batch } = await owner.sync()
    return {
      request: (n) => {
        const { userId } = members[n] as TestClient
        const body = { typing: true, timeout: 30_000 }
        return (members[n] as TestClient).request('PUT', `/v3/rooms/${enc(roomId)}/typing/${enc(userId)}`, { body })
      },
      after: async (answers) => {
        allDone(answers)
        const { events } = (await owner.sync({ since: next_batch })).rooms.join[roomId].ephemeral
        const typing = events.find(({ type }: Json) => type === 'm.typing').content.user_ids
        expect(([...typing] as string[]).sort()).toEqual(members.map(({ userId }) => userId).sort())
      },
    }
  },
  'presence: 32 of one user': async (home) => {
    const alice = await home.register('alice')
    const path = `/v3/presence/${enc(alice.userId)}/status`
    return {
      request: asking(
        alice,
        'PUT',
        () => path,
        (n) => ({ body: { presence: 'online', status_msg: `m${n}` } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(each((n) => `m${n}`)).toContain((await alice.get(path)).status_msg)
      },
    }
  },
  'presence: a list of 2015 gets 32 users': async (home) => {
    const { owner, members } = await crowd(home)
    const path = `/_matrix/client/api/v1/presence/list/${enc(owner.userId)}`
    return {
      request: asking(
        owner,
        'POST',
        () => path,
        (n) => ({ body: { invite: [(members[n] as TestClient).userId], drop: [] } }),
      ),
      after: async (answers) => {
        allDone(answers)
        expect(await owner.get(path)).toHaveLength(32)
      },
    }
  },
}

onEveryHomeserver('32 at once, none answered 500 and none lost', (start) => atOnce(start, { ...profiles, ...passing }))
