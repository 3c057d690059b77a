import { expect, it } from 'vitest'
import type { EventId, UserId } from '#spec'
import { type Committed, type Receipt, WriteConflict, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const alice = '@alice:test' as UserId
const bob = '@bob:test' as UserId

const receipt = (over: Partial<Receipt>): Receipt => ({
  room: 1,
  userId: alice,
  type: 'm.read',
  eventId: '$e' as EventId,
  eventPosition: 10,
  threadId: undefined,
  atMs: 1_000,
  ...over,
})

const conflict = async (work: Promise<unknown>): Promise<string | undefined> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof WriteConflict ? error.kind : undefined
}

onEveryDatabase('the ports of personal data', (open) => {
  it('keeps profile fields, null among them, and forgets them one by one', async () => {
    const store = await open()
    await store.commit([writers.receipts.move(receipt({}))]) // gives alice the number 1
    const user = 1
    await store.commit([
      writers.profiles.setField(user, 'displayname', '"Alice"'),
      writers.profiles.setField(user, 'org.example.x', 'null'),
      writers.profiles.setField(user, '__proto__.x', '{"__proto__":1}'),
    ])
    await store.commit([writers.profiles.setField(user, 'displayname', '"Alicia"')])
    expect(await store.profiles.profile(alice)).toEqual(
      JSON.parse('{"__proto__.x":{"__proto__":1},"displayname":"Alicia","org.example.x":null}'),
    )
    expect(await store.profiles.profile(bob)).toEqual({})
    expect([...(await store.profiles.profiles([alice, bob])).keys()]).toEqual([alice])
    await store.commit([
      writers.profiles.removeField(user, 'displayname'),
      writers.profiles.removeField(user, 'never.there'),
    ])
    expect(Object.keys(await store.profiles.profile(alice))).toEqual(['__proto__.x', 'org.example.x'])
    await store.commit([writers.profiles.removeProfile(user)])
    expect(await store.profiles.profile(alice)).toEqual({})
  })

  it('keeps so many thread subscriptions of a user, ended ones included, and goes on changing these', async () => {
    const store = await open()
    const { threadSubscriptions } = writers
    const thread = (root: string) => ({ user: 1, room: 1, root: root as EventId })
    const subscribe = async (root: string) =>
      (await store.commit([threadSubscriptions.subscribe(thread(root), undefined, 2)]))[0]
    expect([await subscribe('$a'), await subscribe('$b'), await subscribe('$c')]).toEqual([
      'subscribed',
      'subscribed',
      'full',
    ])
    await store.commit([threadSubscriptions.unsubscribe(thread('$a'))])
    expect(await subscribe('$c')).toBe('full')
    expect(await store.threadSubscriptions.subscription(thread('$c'))).toBeUndefined()
    expect(await subscribe('$a')).toBe('subscribed')
    expect(await store.threadSubscriptions.subscription(thread('$a'))).toBe('manual')
  })

  it('numbers account data by its stream and tells its user', async () => {
    const store = await open()
    const heard: Committed[] = []
    store.onCommitted((committed) => heard.push(committed))
    const [first] = await store.commit([
      writers.accountData.put({ user: 7, room: undefined, type: 'a', contentJson: '{"n":1}' }),
    ])
    const [second, third] = await store.commit([
      writers.accountData.put({ user: 7, room: 3, type: 'a', contentJson: '[{}]' }),
      writers.accountData.put({ user: 7, room: undefined, type: 'a', contentJson: '{"n":2}' }),
    ])
    expect([first, second, third]).toEqual([1, 2, 3])
    expect(heard.flatMap(({ announcements }) => announcements)).toEqual(
      [1, 2, 3].map((position) => ({ stream: 'accountData', position, rooms: [], users: [7] })),
    )
    expect(await store.accountData.global(7, 'a')).toEqual({ type: 'a', contentJson: '{"n":2}', position: 3 })
    expect(await store.accountData.inRoom(7, 3, 'a')).toEqual({ type: 'a', contentJson: '[{}]', position: 2 })
    expect(await store.accountData.global(8, 'a')).toBeUndefined()
    expect(await store.accountData.since(7, 0, 1)).toEqual({ global: [], rooms: [] })
    expect((await store.accountData.since(7, 1, 2)).rooms.map(({ room }) => room)).toEqual([3])
    expect((await store.accountData.since(7, 0, 3)).global.map(({ position }) => position)).toEqual([3])
    expect(await store.accountData.since(7, 3, 3)).toEqual({ global: [], rooms: [] })
    expect((await store.accountData.allGlobal(7)).length).toBe(1)
    expect(await store.accountData.allInRooms(7, [4])).toEqual([])
    expect((await store.accountData.allInRooms(7)).length).toBe(1)
    expect(await store.accountData.usage(7)).toEqual({ entries: 2, sizeBytes: 11 })
    await store.commit([writers.accountData.put({ user: 7, room: 5, type: 'a', contentJson: '{}' })])
    expect((await store.accountData.allInRooms(7, [3, 5])).map(({ room }) => room)).toEqual([3])
    expect((await store.accountData.since(7, 3, 4)).rooms.map(({ contentJson }) => contentJson)).toEqual(['{}'])
    expect(await store.accountData.usage(9)).toEqual({ entries: 0, sizeBytes: 0 })
    await store.commit([writers.accountData.removeAll(7)])
    expect(await store.accountData.usage(7)).toEqual({ entries: 0, sizeBytes: 0 })
  })

  it('replaces only what is still as it was read', async () => {
    const store = await open()
    const entry = { user: 1, room: 2, type: 'm.tag', contentJson: '{"tags":{}}' }
    const [position] = await store.commit([writers.accountData.replace(entry, 0)])
    expect(await conflict(store.commit([writers.accountData.replace(entry, 0)]))).toBe('account-data-changed')
    expect(await conflict(store.commit([writers.accountData.replace(entry, position + 5)]))).toBe(
      'account-data-changed',
    )
    const [next] = await store.commit([writers.accountData.replace(entry, position)])
    expect(next).toBe(position + 1)

    const [rules] = await store.commit([writers.accountData.replacePushRules(1, '{"a":1}', 0)])
    expect(await conflict(store.commit([writers.accountData.replacePushRules(1, '{}', 0)]))).toBe('push-rules-changed')
    await store.commit([writers.accountData.replacePushRules(1, '{"a":2}', rules)])
    expect(await store.accountData.pushRules(1)).toEqual({ rulesJson: '{"a":2}', position: rules + 1 })
    expect(await store.accountData.pushRules(2)).toBeUndefined()
    // Push rules are in none of the lists.
    expect((await store.accountData.since(1, 0, 100)).global).toEqual([])
  })

  it('moves receipts forward only, each type and thread for itself', async () => {
    const store = await open()
    const heard: Committed[] = []
    store.onCommitted((committed) => heard.push(committed))
    const move = async (over: Partial<Receipt>) => (await store.commit([writers.receipts.move(receipt(over))]))[0]
    expect(await move({})).toBe(true)
    expect(await move({})).toBe(false)
    expect(await move({ eventPosition: 9, eventId: '$earlier' as EventId })).toBe(false)
    expect(await move({ eventPosition: 9, threadId: 'main' })).toBe(true)
    expect(await move({ eventPosition: 8, type: 'm.read.private' })).toBe(true)
    expect(await move({ userId: bob, eventPosition: 11, eventId: '$b' as EventId })).toBe(true)
    expect(await move({ eventPosition: 12, eventId: '$later' as EventId, atMs: 2_000 })).toBe(true)
    expect(
      heard.flatMap(({ announcements }) => announcements.map(({ rooms, users }) => [rooms.length, users.length])),
    ).toEqual([
      [1, 1],
      [1, 1],
      [0, 1],
      [1, 1],
      [1, 1],
    ])
    const mine = await store.receipts.inRooms([1], alice)
    expect(mine.map(({ type, threadId, eventId }) => [type, threadId, eventId])).toEqual([
      ['m.read', 'main', '$e'],
      ['m.read.private', undefined, '$e'],
      ['m.read', undefined, '$b'],
      ['m.read', undefined, '$later'],
    ])
    expect((await store.receipts.inRooms([1], bob)).map(({ type }) => type)).toEqual(['m.read', 'm.read', 'm.read'])
    expect((await store.receipts.since([1, 2, 3], 2, 5, bob)).map(({ eventId }) => eventId)).toEqual(['$b', '$later'])
    expect((await store.receipts.since([1], 4, 5, bob)).map(({ atMs }) => atMs)).toEqual([2_000])
    expect(await store.receipts.since([2, 3], 0, 5, bob)).toEqual([])
    expect(await store.receipts.since([], 0, 5, bob)).toEqual([])
    expect((await store.receipts.ofUser(2, [1])).map(({ userId }) => userId)).toEqual([bob])
  })

  it('finds moved receipts of some rooms also after very many of others', async () => {
    const store = await open()
    await store.commit(Array.from({ length: 450 }, (_, index) => writers.receipts.move(receipt({ room: index + 1 }))))
    const rooms = Array.from({ length: 300 }, (_, index) => index + 200)
    expect((await store.receipts.since(rooms, 0, 1_000, bob)).length).toBe(251)
    expect((await store.receipts.since([449, 450], 440, 1_000, bob)).length).toBe(2)
    const above = { has: (room: number) => room > 200, all: () => rooms }
    expect((await store.receipts.sinceIn(above, 0, 1_000, bob)).length).toBe(251)
    expect((await store.receipts.sinceIn(above, 440, 1_000, bob)).length).toBe(10)
    expect(await store.receipts.sinceIn(above, 450, 1_000, bob)).toEqual([])
  })

  it('finds the receipts on some events, those of others only if they are public', async () => {
    const store = await open()
    const move = (over: Partial<Receipt>) => store.commit([writers.receipts.move(receipt(over))])
    await move({ eventPosition: 10, eventId: '$a' as EventId })
    await move({ eventPosition: 10, eventId: '$a' as EventId, userId: bob, type: 'm.read.private' })
    await move({ eventPosition: 12, eventId: '$b' as EventId, userId: bob })
    const found = async (positions: readonly number[], forUser: UserId) =>
      (await store.receipts.onEvents(positions, forUser)).map(({ userId, type, eventId }) => [userId, type, eventId])
    expect(await found([10, 11], alice)).toEqual([[alice, 'm.read', '$a']])
    expect(await found([10, 12], bob)).toEqual([
      [alice, 'm.read', '$a'],
      [bob, 'm.read.private', '$a'],
      [bob, 'm.read', '$b'],
    ])
    expect(await found([], bob)).toEqual([])
  })

  it('gives equal filters one id, counts from 1 for each user, and lets the oldest go', async () => {
    const store = await open()
    const add = async (user: number, text: string) =>
      (await store.commit([writers.filters.add({ user, filterJson: text, digest: text, keep: 3 })]))[0]
    expect([await add(1, '{}'), await add(1, '{"a":1}'), await add(1, '{}'), await add(2, '{}')]).toEqual([1, 2, 1, 1])
    expect([await add(1, '{"a":2}'), await add(1, '{"a":3}')]).toEqual([3, 4])
    expect(await store.filters.filter(1, 1)).toBeUndefined()
    expect(await store.filters.filter(1, 2)).toBe('{"a":1}')
    expect(await store.filters.filter(2, 2)).toBeUndefined()
    expect(await add(1, '{}')).toBe(5)
  })

  it('keeps when somebody was last about', async () => {
    const store = await open()
    await store.commit([writers.receipts.move(receipt({})), writers.receipts.move(receipt({ userId: bob }))])
    await store.commit([writers.presence.keep([{ user: 1, statusMsg: 'hi', lastActiveMs: 5 }])])
    await store.commit([
      writers.presence.keep([
        { user: 1, statusMsg: undefined, lastActiveMs: 6 },
        { user: 2, statusMsg: 'b', lastActiveMs: 7 },
      ]),
    ])
    expect(await store.presence.lastSeen([alice, '@nobody:test' as UserId])).toEqual([
      { userId: alice, user: 1, statusMsg: undefined, lastActiveMs: 6 },
    ])
    await store.commit([writers.presence.remove(1)])
    expect((await store.presence.lastSeen([alice, bob])).map(({ userId }) => userId)).toEqual([bob])
  })

  it('keeps presence lists, both ways, up to their limit', async () => {
    const store = await open()
    const carol = '@carol:test' as UserId
    const numbers: Record<string, number> = {}
    for (const userId of [alice, bob, carol]) {
      const account = { userId, passwordHash: undefined, guest: false, admin: false, createdAtMs: 1 }
      const [user] = await store.commit([writers.accounts.create(account)])
      numbers[userId] = user
    }
    const [a = 0, b = 0, c = 0] = [numbers[alice], numbers[bob], numbers[carol]]
    const change = async (owner: number, add: number[], drop: number[] = []) =>
      store.commit([writers.presenceLists.change({ owner, add, drop, most: 2 })])
    const idsOf = (users: readonly { readonly userId: UserId }[]) => users.map(({ userId }) => userId)
    const listed = async (owner: number) => idsOf(await store.presenceLists.listed(owner))
    await change(a, [c, b])
    await change(a, [b, b])
    expect(await store.presenceLists.listed(a)).toEqual([
      { user: b, userId: bob },
      { user: c, userId: carol },
    ])
    expect(await store.presenceLists.mutual(a)).toEqual([])
    await change(b, [a])
    expect([idsOf(await store.presenceLists.mutual(a)), idsOf(await store.presenceLists.mutual(b))]).toEqual([
      [bob],
      [alice],
    ])
    expect(idsOf(await store.presenceLists.followers(c, 10))).toEqual([alice])
    expect(await conflict(change(a, [a]))).toBe('presence-list-full')
    expect(await listed(a)).toEqual([bob, carol])
    await change(a, [a], [c, 99])
    expect(await listed(a)).toEqual([alice, bob])
    await change(c, [a, b])
    expect((await store.presenceLists.followers(a, 2)).length).toBe(2)
    expect(idsOf(await store.presenceLists.accounts([carol, '@nobody:test' as UserId]))).toEqual([carol])
    await store.commit([writers.accounts.deactivate(carol, false, 2)])
    expect(await store.presenceLists.accounts([carol])).toEqual([])
    await store.commit([writers.presenceLists.remove(a)])
    expect([await listed(a), await listed(b), await listed(c)]).toEqual([[], [], [bob]])
  })
})
