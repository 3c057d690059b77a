import { expect, it } from 'vitest'
import type { DeviceId, RoomId, UserId } from '#spec'
import { type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const alice = '@alice:test' as UserId
const bob = '@bob:test' as UserId
const EVERYTHING = { after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: 10_000, limitBytes: 1_000_000_000 }

const sessionOf = (userId: UserId, deviceId: string) =>
  writers.devices.startSession({
    userId,
    deviceId: deviceId as DeviceId,
    displayName: undefined,
    tokens: {
      accessHash: `${userId} ${deviceId}`,
      accessExpiresAtMs: undefined,
      refreshHash: undefined,
      refreshExpiresAtMs: undefined,
    },
    seen: { ip: '::1', userAgent: undefined, atMs: 1 },
  })

const household = async (store: Store) => {
  const account = { passwordHash: 'x', guest: false, admin: false, createdAtMs: 1 }
  const [user, , phone, tablet] = await store.commit([
    writers.accounts.create({ ...account, userId: alice }),
    writers.accounts.create({ ...account, userId: bob }),
    sessionOf(alice, 'phone'),
    sessionOf(alice, 'tablet'),
  ])
  return { user, phone: phone.device, tablet: tablet.device }
}

const sendTo = (deviceId: string, id: string, atMs = 1) =>
  writers.toDevice.send({
    sender: bob,
    type: 'm.test',
    source: 'device 9',
    id,
    atMs,
    messages: [{ userId: alice, deviceId: deviceId as DeviceId, contentJson: `{"id":"${id}"}` }],
    inboxBytes: 1_000_000,
  })

const fill = async (store: Store, deviceId: string, count: number, from = 0): Promise<void> => {
  const ids = Array.from({ length: count }, (_, index) => `${deviceId} ${from + index}`)
  await Promise.all(ids.map((id) => store.commit([sendTo(deviceId, id)])))
}

const inInbox = async (store: Store, device: number): Promise<number> =>
  (await store.toDevice.messages({ device, ...EVERYTHING })).messages.length

onEveryDatabase('the inbox of a removed device', (_, make) => {
  it('goes in part with the commit that removes it and then in slices, also after a restart, and no other with it', async () => {
    const database = await make()
    let store = await database.open()
    const { phone, tablet } = await household(store)
    await fill(store, 'phone', 25)
    await fill(store, 'tablet', 5)
    await store.commit([writers.devices.remove(alice, ['phone' as DeviceId]), writers.toDevice.removeOfGone(alice, 10)])
    expect([await inInbox(store, phone), await inInbox(store, tablet)]).toEqual([15, 5])
    expect(await store.commit([writers.toDevice.sweepGone(10)])).toEqual([true])
    expect(await inInbox(store, phone)).toBe(5)
    await store.close()
    store = await database.open()
    expect(await store.commit([writers.toDevice.sweepGone(10)])).toEqual([false])
    expect([await inInbox(store, phone), await inInbox(store, tablet)]).toEqual([0, 5])
    expect(await store.commit([writers.toDevice.sweepGone(10)])).toEqual([false])
  })

  it('is not begun again by messages that come later', async () => {
    const store = await (await make()).open()
    const { phone } = await household(store)
    await store.commit([writers.devices.remove(alice, ['phone' as DeviceId])])
    expect(await store.commit([sendTo('phone', 'late')])).toEqual([{ stored: 0, full: 0 }])
    expect(await inInbox(store, phone)).toBe(0)
  })
})

onEveryDatabase('transactions of messages to devices', (open) => {
  it('go by their age, in slices, and may be used again then', async () => {
    const store = await open()
    const { tablet } = await household(store)
    for (const [id, atMs] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 100],
    ] as const)
      await store.commit([sendTo('tablet', id, atMs)])
    expect(await store.commit([writers.toDevice.dropTransactions(100, 2)])).toEqual([2])
    expect(await store.commit([writers.toDevice.dropTransactions(100, 2)])).toEqual([1])
    expect(await store.commit([writers.toDevice.dropTransactions(100, 2)])).toEqual([0])
    expect(await store.commit([sendTo('tablet', 'd', 200)])).toEqual([{ stored: 0, full: 0 }])
    expect(await store.commit([sendTo('tablet', 'a', 200)])).toEqual([{ stored: 1, full: 0 }])
    expect(await inInbox(store, tablet)).toBe(5)
  })
})

onEveryDatabase('the keys of a deleted backup', (_, make) => {
  it('go in slices, also after a restart, and no others with them', async () => {
    const database = await make()
    let store = await database.open()
    const { user } = await household(store)
    const create = writers.keyBackups.create({
      user,
      algorithm: 'm.test',
      authDataJson: '{}',
      deviceId: 'phone' as DeviceId,
      most: 9,
    })
    const roomId = '!room:test' as RoomId
    const keys = (count: number) =>
      Array.from({ length: count }, (_key, index) => ({
        roomId,
        sessionId: `s${index}`,
        firstMessageIndex: 0,
        forwardedCount: 0,
        isVerified: false,
        sessionJson: '{}',
      }))
    await store.commit([create, writers.keyBackups.put(user, 1, keys(25), 1_000_000)])
    await store.commit([create, writers.keyBackups.put(user, 2, keys(3), 1_000_000)])
    const [first, second] = [await store.keyBackups.backup(user, 1), await store.keyBackups.backup(user, 2)]
    const left = async (backup: number | undefined): Promise<number> => {
      const page = { roomId: undefined, after: { roomId: '', sessionId: '' }, limit: 100 }
      return (await store.keyBackups.sessions(backup ?? 0, page)).length
    }
    await store.commit([writers.keyBackups.remove(user, 1)])
    expect(await store.keyBackups.backup(user, 1)).toBeUndefined()
    expect(await store.commit([writers.keyBackups.sweep(10)])).toEqual([true])
    expect(await left(first?.backup)).toBe(15)
    await store.close()
    store = await database.open()
    for (const more of [true, true, false]) expect(await store.commit([writers.keyBackups.sweep(10)])).toEqual([more])
    expect([await left(first?.backup), await left(second?.backup)]).toEqual([0, 3])
  })
})
