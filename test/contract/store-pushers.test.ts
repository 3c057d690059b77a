import { expect, it } from 'vitest'
import type { DeviceId, UserId } from '#spec'
import { type NewPusher, type Store, WriteConflict, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const alice = '@alice:test' as UserId
const ALONE = { alone: true, most: 3 }

const sessionOf = (deviceId: string) => ({
  userId: alice,
  deviceId: deviceId as DeviceId,
  displayName: undefined,
  tokens: {
    accessHash: deviceId,
    accessExpiresAtMs: undefined,
    refreshHash: undefined,
    refreshExpiresAtMs: undefined,
  },
  seen: { ip: '::1', userAgent: undefined, atMs: 1 },
})

/** An account with a phone and a tablet. */
const household = async (store: Store) => {
  const account = { userId: alice, passwordHash: 'x', guest: false, admin: false, createdAtMs: 1 }
  const [user] = await store.commit([writers.accounts.create(account)])
  const [phone] = await store.commit([writers.devices.startSession(sessionOf('phone'))])
  const [tablet] = await store.commit([writers.devices.startSession(sessionOf('tablet'))])
  return { user, phone: phone.device, tablet: tablet.device }
}

const pusher = (user: number, over: Partial<NewPusher> = {}): NewPusher => ({
  kind: 'http',
  user,
  device: undefined,
  appId: 'app',
  pushkey: 'key',
  appDisplayName: 'App',
  deviceDisplayName: 'Phone',
  profileTag: undefined,
  lang: 'en',
  dataJson: '{}',
  setAtMs: 1_000,
  enabled: true,
  position: 5,
  ...over,
})

onEveryDatabase('the port of pushers', (open) => {
  it('changes the pusher of an app and pushkey in place, its cursor untouched', async () => {
    const store = await open()
    const { user } = await household(store)
    await store.commit([writers.pushers.set(pusher(user), ALONE)])
    const [first] = await store.pushers.ofUser(user)
    await store.commit([
      writers.pushers.set(pusher(user, { lang: 'de', position: 9, setAtMs: 2_000, profileTag: 'x' }), ALONE),
    ])
    const [second, ...others] = await store.pushers.ofUser(user)
    expect(others).toEqual([])
    expect(second).toEqual({ ...first, userId: alice, lang: 'de', setAtMs: 2_000, profileTag: 'x', position: 5 })
    expect(await store.pushers.pusher(second?.pusher ?? 0)).toEqual(second)
  })

  it('takes no more than so many of one user', async () => {
    const store = await open()
    const { user } = await household(store)
    const set = (pushkey: string) => store.commit([writers.pushers.set(pusher(user, { pushkey }), ALONE)])
    for (const pushkey of ['a', 'b', 'c', 'a']) await set(pushkey)
    await expect(set('d')).rejects.toThrow(WriteConflict)
    await store.commit([writers.pushers.remove(user, 'app', 'b')])
    await set('d')
    expect((await store.pushers.ofUser(user)).map(({ pushkey }) => pushkey)).toEqual(['a', 'c', 'd'])
  })

  it('moves cursors forward only, and passes over what is gone', async () => {
    const store = await open()
    const { user } = await household(store)
    await store.commit([
      writers.pushers.set(pusher(user, { pushkey: 'a' }), ALONE),
      writers.pushers.set(pusher(user, { pushkey: 'b', position: 20 }), ALONE),
    ])
    const numbers = (await store.pushers.page(0, 10)).map((record) => record.pusher)
    await store.commit([writers.pushers.advance([...numbers, 999], 10)])
    expect((await store.pushers.ofUser(user)).map(({ position }) => position)).toEqual([10, 20])
    expect((await store.pushers.page(numbers[0] ?? 0, 10)).map(({ pushkey }) => pushkey)).toEqual(['b'])
    await store.commit([writers.pushers.reject(numbers[0] ?? 0)])
    expect(await store.pushers.pusher(numbers[0] ?? 0)).toBeUndefined()
  })

  it('ends what hangs on a device that is gone, in the same commit, and nothing else', async () => {
    const store = await open()
    const { user, phone, tablet } = await household(store)
    await store.commit([
      writers.pushers.set(pusher(user, { pushkey: 'phone', device: phone }), ALONE),
      writers.pushers.set(pusher(user, { pushkey: 'tablet', device: tablet }), ALONE),
      writers.pushers.set(pusher(user, { pushkey: 'none' }), ALONE),
    ])
    await store.commit([writers.devices.remove(alice, ['phone' as DeviceId]), writers.pushers.removeOrphans(alice)])
    expect((await store.pushers.ofUser(user)).map(({ pushkey }) => pushkey)).toEqual(['tablet', 'none'])
    await store.commit([writers.pushers.removeAll(user)])
    expect(await store.pushers.ofUser(user)).toEqual([])
  })
})
