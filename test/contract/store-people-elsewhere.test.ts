import { expect, test } from 'vitest'
import type { Membership, ServerName, UserId } from '#spec'
import { type PeopleLimits, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'
import { ALICE, applyTo, createRoom, member, stateEvent, type TestEvent, type TestRoom } from './room-fixtures.ts'

const OWN = 'localhost' as ServerName
const NEAR = 'near.example' as ServerName
const FAR = 'far.example' as ServerName
const NINA = `@nina:${NEAR}` as UserId
const NOEL = `@noel:${NEAR}` as UserId
const FAY = `@fay:${FAR}` as UserId
/** The first user of a new database. */
const ALICE_NUMBER = 1
const MANY: PeopleLimits = { perServer: 1_000, total: 1_000 }

const { peopleElsewhere: writer } = writers

const see = async (store: Store, nowMs: number, limits = MANY): Promise<void> => {
  for (let more = true; more; ) [{ more }] = await store.commit([writer.see({ own: OWN, nowMs, limits })])
}

const named = (user: UserId, displayname?: string, more: Readonly<Record<string, unknown>> = {}): TestEvent =>
  member(user, 'join', { json: JSON.stringify({ content: { membership: 'join', displayname, ...more } }) })

const leaves = (user: UserId, membership: Membership = 'leave'): TestEvent => member(user, membership)

const toAsk = async (store: Store, nowMs: number): Promise<Readonly<Record<string, string | undefined>>> => {
  const servers = await store.peopleElsewhere.serversToAsk(nowMs, 10)
  const next = async (server: ServerName) => (await store.peopleElsewhere.nextToAsk(server, nowMs))?.userId
  return Object.fromEntries(await Promise.all(servers.map(async ({ server }) => [server, await next(server)])))
}

/** All that the server is to be asked for, each answered. */
const answerAll = async (store: Store, server: ServerName, nowMs: number, displayName?: string): Promise<string[]> => {
  const asked: string[] = []
  for (;;) {
    const person = await store.peopleElsewhere.nextToAsk(server, nowMs)
    if (person === undefined) break
    asked.push(person.userId)
    const profile = { displayName, avatarUrl: undefined }
    await store.commit([writer.answered({ person, profile, nowMs })])
  }
  await store.commit([writer.askedServer(server, nowMs)])
  return asked
}

/** The users whom Alice finds. */
const found = async (store: Store, word: string): Promise<readonly string[]> => {
  const { users } = await store.userDirectory.named({ words: [word], viewer: ALICE_NUMBER, everybody: false, own: OWN })
  return users.map(({ userId, elsewhere }) => `${userId} ${elsewhere?.displayName}`).toSorted()
}

const open = stateEvent('m.room.join_rules', '', { json: JSON.stringify({ content: { join_rule: 'public' } }) })

onEveryDatabase('people of other servers', (openStore) => {
  const withRoom = async (): Promise<{ store: Store; room: TestRoom }> => {
    const store = await openStore()
    return { store, room: await createRoom(store) }
  }

  test('are found by their ids at first, and by the name that their server tells', async () => {
    const { store, room } = await withRoom()
    await applyTo(store, room, [named(NINA, 'Room Name'), leaves(NOEL, 'invite'), named(FAY)])
    expect(await found(store, 'nina')).toEqual([])
    await see(store, 1_000)
    expect(await found(store, 'nina')).toEqual([`${NINA} undefined`])
    expect(await found(store, 'noel')).toEqual([])
    expect(await found(store, 'room name')).toEqual([])
    expect(await toAsk(store, 999)).toEqual({})
    expect(await toAsk(store, 1_000)).toEqual({ [NEAR]: NINA, [FAR]: FAY })
    expect(await answerAll(store, NEAR, 1_000, 'Nína Simone')).toEqual([NINA])
    expect(await found(store, 'simon')).toEqual([`${NINA} Nína Simone`])
    expect(await toAsk(store, 1_000)).toEqual({ [FAR]: FAY })
    expect(await answerAll(store, FAR, 1_000)).toEqual([FAY])
    expect(await toAsk(store, 1_000_000)).toEqual({})
  })

  test('are asked for again where a membership says something else, once a minute', async () => {
    const { store, room } = await withRoom()
    await applyTo(store, room, [named(NINA, 'Nina')])
    await see(store, 1_000)
    await answerAll(store, NEAR, 1_000, 'Nina')
    const other = await createRoom(store)
    await applyTo(store, other, [named(NINA, 'Nina')])
    await see(store, 2_000)
    expect(await toAsk(store, 100_000)).toEqual({})
    for (const name of ['Nana', 'Nena', 'Nona']) await applyTo(store, room, [named(NINA, name)])
    await see(store, 3_000)
    expect(await toAsk(store, 60_999)).toEqual({})
    expect(await toAsk(store, 61_000)).toEqual({ [NEAR]: NINA })
    await answerAll(store, NEAR, 61_000, 'Nona')
    expect(await found(store, 'nina')).toEqual([`${NINA} Nona`])
    await applyTo(store, room, [named(NINA, 'Nona', { reason: 'x'.repeat(5_000) })])
    await see(store, 200_000)
    expect(await toAsk(store, 200_000)).toEqual({ [NEAR]: NINA })
  })

  test('are asked for again where a membership came while their server was asked', async () => {
    const { store, room } = await withRoom()
    await applyTo(store, room, [named(NINA, 'Nina')])
    await see(store, 1_000)
    const person = await store.peopleElsewhere.nextToAsk(NEAR, 1_000)
    if (person === undefined) throw new Error('nobody is to be asked for')
    await applyTo(store, room, [named(NINA, 'Nona')])
    await see(store, 1_100)
    const profile = { displayName: 'Nina', avatarUrl: undefined }
    await store.commit([writer.answered({ person, profile, nowMs: 1_200 }), writer.askedServer(NEAR, 1_200)])
    expect(await toAsk(store, 61_199)).toEqual({})
    expect(await toAsk(store, 61_200)).toEqual({ [NEAR]: NINA })
  })

  test('wait while their server is left in peace, and so do those who come then', async () => {
    const { store, room } = await withRoom()
    await applyTo(store, room, [named(NINA), named(FAY)])
    await see(store, 1_000)
    await store.commit([writer.askServerLater(NEAR, 3, 50_000), writer.askLater(FAY, 1, 20_000)])
    await store.commit([writer.askedServer(FAR, 1_000)])
    await applyTo(store, room, [named(NOEL)])
    await see(store, 2_000)
    expect(await toAsk(store, 19_999)).toEqual({})
    expect(await toAsk(store, 20_000)).toEqual({ [FAR]: FAY })
    expect(await store.peopleElsewhere.serversToAsk(50_000, 10)).toEqual([
      { server: FAR, failures: 0 },
      { server: NEAR, failures: 3 },
    ])
    expect(await answerAll(store, NEAR, 50_000)).toEqual([NINA, NOEL])
  })

  test('are at most so many, of one server and of all', async () => {
    const { store, room } = await withRoom()
    const users = [1, 2, 3, 4].map((number) => `@user${number}:${NEAR}` as UserId)
    await applyTo(
      store,
      room,
      users.map((user) => named(user)),
    )
    await see(store, 1_000, { perServer: 2, total: 10 })
    await applyTo(store, room, [named(FAY), named(`@fox:${FAR}` as UserId)])
    await see(store, 1_000, { perServer: 2, total: 3 })
    expect(await found(store, 'user')).toHaveLength(2)
    expect(await found(store, '@f')).toEqual([`${FAY} undefined`])
  })

  test('go when they share no room any more, and make place for others', async () => {
    const { store, room } = await withRoom()
    const limits = { perServer: 1, total: 1 }
    await applyTo(store, room, [named(NINA)])
    await see(store, 1_000, limits)
    expect(await store.commit([writer.sweep(OWN)])).toEqual([{ removed: 0 }])
    await applyTo(store, room, [leaves(NINA)])
    expect(await found(store, 'nina')).toEqual([])
    expect(await store.commit([writer.sweep(OWN)])).toEqual([{ removed: 1 }])
    expect(await toAsk(store, 1_000)).toEqual({})
    await applyTo(store, room, [named(NOEL)])
    await see(store, 1_000, limits)
    expect(await found(store, 'noel')).toEqual([`${NOEL} undefined`])
    await applyTo(store, room, [leaves(ALICE)])
    expect(await store.commit([writer.sweep(OWN)])).toEqual([{ removed: 1 }])
  })

  test('are not found in an open room that everybody here has left', async () => {
    const { store, room } = await withRoom()
    await applyTo(store, room, [open, named(NINA)])
    await see(store, 1_000)
    expect(await found(store, 'nina')).toEqual([`${NINA} undefined`])
    await applyTo(store, room, [leaves(ALICE)])
    expect(await found(store, 'nina')).toEqual([])
  })

  test('come again with this server, though their memberships are as they were', async () => {
    const { store, room } = await withRoom()
    const joined = named(NINA)
    await applyTo(store, room, [joined])
    await see(store, 1_000)
    await applyTo(store, room, [leaves(ALICE)])
    await see(store, 1_000)
    await store.commit([writer.sweep(OWN)])
    const by = member(ALICE, 'join')
    const entries = [{ type: 'm.room.member', stateKey: NINA, event: joined.eventId, membership: 'join' as const }]
    await store.commit([writers.rooms.gatherState({ room: room.room, isFirst: true, entries })])
    await store.commit([writers.rooms.enter({ room: room.room, by, membership: 'join', missing: [] })])
    expect(await found(store, 'nina')).toEqual([])
    await see(store, 2_000)
    expect(await found(store, 'nina')).toEqual([`${NINA} undefined`])
  })

  test('come in slices, those of memberships from before as well', async () => {
    const { store, room } = await withRoom()
    const users = Array.from({ length: 250 }, (_, number) => `@many${number}:${NEAR}` as UserId)
    await applyTo(
      store,
      room,
      users.map((user) => named(user)),
    )
    let slices = 0
    for (let more = true; more; slices++)
      [{ more }] = await store.commit([writer.see({ own: OWN, nowMs: 1_000, limits: MANY })])
    expect(slices).toBe(3)
    expect(await found(store, 'many')).toHaveLength(250)
    expect(await answerAll(store, NEAR, 1_000, 'One of many')).toHaveLength(250)
  })
})
