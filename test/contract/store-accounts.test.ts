import { expect, it } from 'vitest'
import type { DeviceId, UserId } from '#spec'
import { type NewTokenPair, type Store, WriteConflict, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const ALICE = '@alice:home.test' as UserId
const device = (id: string) => id as DeviceId
const seen = { ip: '127.0.0.1', userAgent: 'test', atMs: 1_000 }

let hashes = 0
const pair = (refresh = false): NewTokenPair => ({
  accessHash: `access-${hashes++}`,
  accessExpiresAtMs: undefined,
  refreshHash: refresh ? `refresh-${hashes++}` : undefined,
  refreshExpiresAtMs: undefined,
})
const newAccount = (userId: UserId) =>
  writers.accounts.create({ userId, passwordHash: 'hash', guest: false, admin: false, createdAtMs: 5 })
const session = (userId: UserId, deviceId: string, tokens = pair(), displayName?: string) =>
  writers.devices.startSession({ userId, deviceId: device(deviceId), displayName, tokens, seen })

const conflictOf = async (commit: Promise<unknown>): Promise<string> => {
  const outcome = await commit.then(
    () => 'done',
    (error: unknown) => error,
  )
  if (!(outcome instanceof WriteConflict)) throw new Error(`no conflict: ${String(outcome)}`)
  return outcome.kind
}

/** The users of whom tokens become void from now on, as the store announces them. */
const voidedIn = (store: Store): (readonly number[])[] => {
  const voided: (readonly number[])[] = []
  store.onCommitted(({ announcements }) => {
    for (const { stream, users } of announcements) if (stream === 'sessions') voided.push(users)
  })
  return voided
}

onEveryDatabase('accounts and devices', (open) => {
  const withAlice = async (): Promise<Store> => {
    const store = await open()
    await store.commit([newAccount(ALICE)])
    return store
  }

  it('creates account, device and token in one commit, or none of them', async () => {
    const store = await open()
    const [user, started] = await store.commit([newAccount(ALICE), session(ALICE, 'PHONE', pair(), 'Phone')])
    expect(started).toMatchObject({ user })
    expect(await store.accounts.account(ALICE)).toEqual({
      user,
      userId: ALICE,
      passwordHash: 'hash',
      guest: false,
      admin: false,
      createdAtMs: 5,
      deactivatedAtMs: undefined,
      erased: false,
      shadowBanned: false,
      awaitsApproval: false,
    })
    const again = store.commit([session(ALICE, 'SECOND'), newAccount(ALICE)])
    expect(await conflictOf(again)).toBe('user-exists')
    expect(await store.devices.devicesOf(ALICE)).toEqual([
      {
        device: started.device,
        deviceId: 'PHONE',
        dehydrated: false,
        displayName: 'Phone',
        lastSeenAtMs: 1_000,
        lastSeenIp: '127.0.0.1',
        lastSeenUserAgent: 'test',
      },
    ])
  })

  it('starts no session for an unknown or a deactivated account', async () => {
    const store = await withAlice()
    expect(await conflictOf(store.commit([session('@nobody:home.test' as UserId, 'A')]))).toBe('account-gone')
    await store.commit([writers.accounts.deactivate(ALICE, false, 9)])
    expect(await conflictOf(store.commit([session(ALICE, 'A')]))).toBe('account-gone')
    expect(await conflictOf(store.commit([newAccount(ALICE)]))).toBe('user-exists')
    expect(await conflictOf(store.commit([writers.accounts.setPassword(ALICE, 'new')]))).toBe('account-gone')
  })

  it('voids the tokens of a device that logs in again, and keeps its name and number', async () => {
    const store = await withAlice()
    const first = pair(true)
    const [one] = await store.commit([session(ALICE, 'PHONE', first, 'Phone')])
    const voided = voidedIn(store)
    const [two] = await store.commit([session(ALICE, 'PHONE', pair(), 'Other name')])
    expect(two.device).toBe(one.device)
    expect(voided).toEqual([[one.user]])
    expect(await store.tokens.byAccessHash(first.accessHash)).toBeUndefined()
    expect(await store.tokens.byRefreshHash(first.refreshHash ?? '')).toBeUndefined()
    expect((await store.devices.device(ALICE, device('PHONE')))?.displayName).toBe('Phone')
  })

  it('never gives the number of a removed device again', async () => {
    const store = await withAlice()
    const [one] = await store.commit([session(ALICE, 'PHONE')])
    const [removed] = await store.commit([writers.devices.remove(ALICE, [device('PHONE'), device('UNKNOWN')])])
    expect(removed).toEqual([{ device: one.device, deviceId: 'PHONE' }])
    const [two] = await store.commit([session(ALICE, 'PHONE')])
    expect(two.device).toBeGreaterThan(one.device)
    expect(two.token).toBeGreaterThan(one.token)
  })

  it('removes all devices but one, with their tokens only', async () => {
    const store = await withAlice()
    const [kept, gone] = [pair(), pair()]
    const [one] = await store.commit([session(ALICE, 'KEPT', kept)])
    await store.commit([session(ALICE, 'GONE', gone)])
    const voided = voidedIn(store)
    await store.commit([writers.devices.removeAll(ALICE, one.device)])
    expect(voided).toEqual([[one.user]])
    expect(await store.tokens.byAccessHash(gone.accessHash)).toBeUndefined()
    await store.commit([writers.devices.removeAll(ALICE, one.device)])
    expect(voided).toHaveLength(1)
    expect((await store.tokens.byAccessHash(kept.accessHash))?.deviceId).toBe('KEPT')
    expect((await store.devices.devicesOf(ALICE)).map((found) => found.deviceId)).toEqual(['KEPT'])
  })

  it('keeps an exchanged pair until its successor is used', async () => {
    const store = await withAlice()
    const [first, lost, second, third] = [pair(true), pair(true), pair(true), pair(true)]
    const [{ token, user }] = await store.commit([session(ALICE, 'PHONE', first)])
    const voided = voidedIn(store)
    await store.commit([writers.tokens.exchange(token, lost)])
    expect(voided).toEqual([])
    const [again] = await store.commit([writers.tokens.exchange(token, second)])
    expect(voided).toEqual([])
    expect(await store.tokens.byAccessHash(lost.accessHash)).toMatchObject({ unconfirmed: true, replaced: false })
    expect((await store.tokens.byRefreshHash(first.refreshHash ?? ''))?.token).toBe(token)
    expect((await store.tokens.byAccessHash(second.accessHash))?.unconfirmed).toBe(true)

    await store.commit([writers.tokens.confirm(again)])
    expect(voided).toEqual([[user]])
    expect(await store.tokens.byAccessHash(first.accessHash)).toMatchObject({ replaced: true })
    expect(await store.tokens.byAccessHash(lost.accessHash)).toMatchObject({ unconfirmed: true, replaced: false })
    expect((await store.tokens.byAccessHash(second.accessHash))?.unconfirmed).toBe(false)
    expect(await conflictOf(store.commit([writers.tokens.exchange(token, pair(true))]))).toBe('refresh-token-gone')
    await store.commit([writers.tokens.confirm(again)])
    expect(voided).toHaveLength(1)
    expect(await conflictOf(store.commit([writers.tokens.confirm(again + 100)]))).toBe('token-gone')
    await store.commit([writers.tokens.exchange(again, third)])
    expect((await store.tokens.byAccessHash(third.accessHash))?.device).toBeGreaterThan(0)
  })

  it('keeps the newest 64 valid pairs of a device and the newest 32 replaced ones', async () => {
    const store = await withAlice()
    const first = pair(true)
    const [{ token }] = await store.commit([session(ALICE, 'PHONE', first)])
    const made: NewTokenPair[] = []
    for (let n = 0; n < 100; n++) {
      made.push(pair(true))
      await store.commit([writers.tokens.exchange(token, made[n] as NewTokenPair)])
    }
    const alive = await Promise.all(made.map(({ accessHash }) => store.tokens.byAccessHash(accessHash)))
    expect(alive.map((found) => found !== undefined)).toEqual(made.map((_, n) => n >= 37))
    // The pair that all were given for is the oldest, and was used.
    expect(await store.tokens.byAccessHash(first.accessHash)).toMatchObject({ replaced: false })

    let last = alive[99]?.token ?? 0
    const chain = [made[99] as NewTokenPair]
    for (let n = 1; n <= 40; n++) {
      chain.push(pair(true))
      ;[last] = await store.commit([writers.tokens.exchange(last, chain[n] as NewTokenPair)])
      await store.commit([writers.tokens.confirm(last)])
    }
    const replaced = await Promise.all(chain.map(({ accessHash }) => store.tokens.byAccessHash(accessHash)))
    expect(replaced.map((found) => found?.replaced)).toEqual(
      chain.map((_, n) => (n === 40 ? false : n >= 8 ? true : undefined)),
    )
  })

  it('sets a password only in place of the expected one', async () => {
    const store = await withAlice()
    const stale = store.commit([writers.accounts.setPassword(ALICE, 'new', 'not the hash')])
    expect(await conflictOf(stale)).toBe('password-changed')
    await store.commit([writers.accounts.setPassword(ALICE, 'new', 'hash')])
    expect((await store.accounts.account(ALICE))?.passwordHash).toBe('new')
  })

  it('remembers deactivations until the rooms were left, and the wish to be erased', async () => {
    const store = await withAlice()
    await store.commit([writers.accounts.setAdmin(ALICE, true), writers.accounts.deactivate(ALICE, false, 9)])
    await store.commit([writers.accounts.deactivate(ALICE, true, 10)])
    expect(await store.accounts.account(ALICE)).toMatchObject({
      passwordHash: undefined,
      admin: false,
      erased: true,
      deactivatedAtMs: 9,
    })
    expect(await store.accounts.unfinishedDeactivations(10)).toEqual([ALICE])
    await store.commit([writers.accounts.finishDeactivation(ALICE)])
    expect(await store.accounts.unfinishedDeactivations(10)).toEqual([])
  })

  it('records where devices were seen, and renames them', async () => {
    const store = await withAlice()
    const [{ device: number }] = await store.commit([session(ALICE, 'PHONE')])
    const sighting = { ip: '::1', userAgent: undefined, atMs: 2_000 }
    await store.commit([
      writers.devices.recordSightings([
        { device: number, ...sighting },
        { device: number + 100, ...sighting },
      ]),
      writers.devices.rename(number, 'New'),
    ])
    expect(await store.devices.device(ALICE, device('PHONE'))).toEqual({
      device: number,
      deviceId: 'PHONE',
      dehydrated: false,
      displayName: 'New',
      lastSeenAtMs: 2_000,
      lastSeenIp: '::1',
      lastSeenUserAgent: undefined,
    })
    expect(await conflictOf(store.commit([writers.devices.rename(number + 100, 'x')]))).toBe('device-gone')
  })

  it('counts registration tokens and refuses void ones', async () => {
    const store = await open()
    const { create, use, remove } = writers.registrationTokens
    await store.commit([create('once', 1, undefined), create('until', undefined, 100)])
    expect(await conflictOf(store.commit([create('once', 5, undefined)]))).toBe('registration-token-exists')
    await store.commit([use('once', 1)])
    expect(await conflictOf(store.commit([use('once', 1)]))).toBe('registration-token-void')
    await store.commit([use('until', 99), use('until', 99)])
    expect(await conflictOf(store.commit([use('until', 100)]))).toBe('registration-token-void')
    expect(await conflictOf(store.commit([use('unknown', 1)]))).toBe('registration-token-void')
    await store.commit([remove('once')])
    expect(await store.registrationTokens.registrationTokens(10)).toEqual([
      { token: 'until', usesAllowed: undefined, uses: 2, expiresAtMs: 100 },
    ])
  })
})
