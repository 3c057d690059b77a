import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger, systemRandom } from '#base'
import { AccessTokens, Devices, LastSeen, Sessions } from '#domain'
import { type DeviceId, MatrixError, type UserId } from '#spec'
import { type Committed, type Store, type TokensReader, writers } from '#store'
import { InProcessBus, Streams } from '#streams'
import { cleanDatabases, makeSqlite } from '../contract/databases.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

const [alice, bob] = ['@alice:home.test' as UserId, '@bob:home.test' as UserId]
const from = { ip: '127.0.0.1', userAgent: undefined }
const UNKNOWN = expect.objectContaining({ errcode: 'M_UNKNOWN_TOKEN' })
const LIFETIMES = { accessMs: undefined, refreshableAccessMs: 20_000, oauthAccessMs: 300_000, refreshMs: undefined }
const refusal = (softLogout: boolean) =>
  expect.objectContaining({ errcode: 'M_UNKNOWN_TOKEN', fields: { soft_logout: softLogout } })

afterEach(cleanDatabases)

/** The tokens of a process that hears of commits by others only when a test lets it. */
const startProcess = async () => {
  const store: Store = await (await makeSqlite()).open()
  const clock = new SteppedClock()
  const bus = new InProcessBus()
  const durable = await store.positions()
  const streams = new Streams({
    ...{ clock, bus, durable },
    readDurable: () => store.positions(),
    roomsAround: store.rooms.roomsAround,
  })
  const mail: Committed[] = []
  store.onCommitted((committed) => mail.push(committed))
  const reads = { count: 0, afterRead: async (): Promise<void> => {} }
  const reader: TokensReader = {
    byRefreshHash: (hash) => store.tokens.byRefreshHash(hash),
    byAccessHash: async (hash) => {
      reads.count++
      const record = await store.tokens.byAccessHash(hash)
      await reads.afterRead()
      return record
    },
  }
  const { commit } = store
  const lastSeen = new LastSeen({ writer: writers.devices, commit, clock, logger: silentLogger })
  const kept = { reader, writer: writers.tokens, commit, clock }
  const accessTokens = new AccessTokens({ ...kept, lastSeen, news: streams })
  const voided: (number | 'all')[] = []
  accessTokens.onVoided((user) => voided.push(user))
  const sessions = new Sessions({
    ...{ devices: writers.devices, ...kept, random: systemRandom },
    lifetimes: LIFETIMES,
    maxDevices: 10,
  })
  const devices = new Devices({
    reader: store.devices,
    writer: writers.devices,
    commit,
    lastSeen,
    clock,
    maxDevices: 100,
  })
  const account = { passwordHash: undefined, guest: false, admin: false, createdAtMs: 0 }
  const users = await commit([alice, bob].map((userId) => writers.accounts.create({ userId, ...account })))
  const hear = (): void => {
    for (const { before, positions, announcements: news } of mail.splice(0))
      bus.publish({ kind: 'committed', before, positions, news })
  }
  const logIn = async (userId: UserId, deviceId: string, refreshable = false) => {
    const request = { userId, deviceId: deviceId as DeviceId, displayName: undefined, refreshable, from }
    const { change, answer } = sessions.prepare(request)
    await commit([change])
    return answer
  }
  const logOut = (userId: UserId, deviceId: string) => commit([devices.remove(userId, [deviceId as DeviceId])])
  hear()
  return { accessTokens, sessions, devices, voided, users, reads, mail, bus, clock, hear, logIn, logOut }
}

describe('an access token', () => {
  it('that is void is refused as soon as there is news of it, and the tokens of others are not read again', async () => {
    const { accessTokens, voided, users, reads, hear, logIn, logOut } = await startProcess()
    const [one, other] = [await logIn(alice, 'PHONE'), await logIn(bob, 'PHONE')]
    for (const { access_token: token } of [one, other]) await accessTokens.check(token)
    await logOut(alice, 'PHONE')
    hear()
    const before = reads.count
    await expect(accessTokens.check(one.access_token)).rejects.toEqual(UNKNOWN)
    expect((await accessTokens.check(other.access_token)).userId).toBe(bob)
    expect([voided, reads.count]).toEqual([[users[0]], before + 1])
  })

  it('of another device of the user is read again, and stays good', async () => {
    const { accessTokens, hear, logIn, logOut } = await startProcess()
    const [phone, laptop] = [await logIn(alice, 'PHONE'), await logIn(alice, 'LAPTOP')]
    for (const { access_token: token } of [phone, laptop]) await accessTokens.check(token)
    await logOut(alice, 'PHONE')
    hear()
    expect((await accessTokens.check(laptop.access_token)).deviceId).toBe('LAPTOP')
  })

  it('that is void is refused after any later news, where the news of it was lost', async () => {
    const { accessTokens, voided, mail, hear, logIn, logOut } = await startProcess()
    const [one, other] = [await logIn(alice, 'PHONE'), await logIn(bob, 'PHONE')]
    await accessTokens.check(one.access_token)
    await logOut(alice, 'PHONE')
    mail.splice(0)
    // Nothing tells this process yet.
    expect((await accessTokens.check(one.access_token)).userId).toBe(alice)
    await accessTokens.check(other.access_token)
    await logOut(bob, 'PHONE')
    hear()
    await expect(accessTokens.check(one.access_token)).rejects.toEqual(UNKNOWN)
    expect(voided).toContain('all')
  })

  it('that became void while it was read is not kept', async () => {
    const { accessTokens, reads, hear, logIn, logOut } = await startProcess()
    const { access_token: token } = await logIn(alice, 'PHONE')
    hear()
    reads.afterRead = async () => {
      reads.afterRead = async () => {}
      await logOut(alice, 'PHONE')
      hear()
    }
    await accessTokens.check(token)
    await expect(accessTokens.check(token)).rejects.toEqual(UNKNOWN)
  })

  it('that was read while all were forgotten is not kept', async () => {
    const { accessTokens, reads, hear, logIn } = await startProcess()
    const { access_token: token } = await logIn(alice, 'PHONE')
    hear()
    reads.afterRead = async () => accessTokens.missed()
    await accessTokens.check(token)
    reads.afterRead = async () => {}
    const before = reads.count
    await accessTokens.check(token)
    await accessTokens.check(token)
    expect(reads.count).toBe(before + 1)
  })

  it('that was exchanged is refused once its successor is used', async () => {
    const { accessTokens, sessions, hear, logIn } = await startProcess()
    const old = await logIn(alice, 'PHONE', true)
    await accessTokens.check(old.access_token)
    const fresh = await sessions.refresh(old.refresh_token ?? '')
    hear()
    expect((await accessTokens.check(old.access_token)).userId).toBe(alice)
    await accessTokens.check(fresh.access_token)
    hear()
    await expect(accessTokens.check(old.access_token)).rejects.toEqual(refusal(true))
  })

  it('that was got by a refresh is good for all requests that use it first at the same time', async () => {
    const { accessTokens, sessions, reads, hear, logIn } = await startProcess()
    const old = await logIn(alice, 'PHONE', true)
    const fresh = await sessions.refresh(old.refresh_token ?? '')
    hear()
    const firstUses = 32
    // All have read it as unused before any records its use.
    let haveRead = 0
    const allHaveRead = Promise.withResolvers<void>()
    reads.afterRead = async () => {
      if (++haveRead === firstUses) allHaveRead.resolve()
      await allHaveRead.promise
    }
    const owners = await Promise.all(Array.from({ length: firstUses }, () => accessTokens.check(fresh.access_token)))
    expect(owners.map(({ deviceId }) => deviceId)).toEqual(Array(firstUses).fill('PHONE'))
    reads.afterRead = async () => {}
    await expect(accessTokens.check(old.access_token)).rejects.toEqual(refusal(true))
  })

  it('that was got by a refresh is refused for good where its device was logged out during its first use', async () => {
    const { accessTokens, sessions, reads, logIn, logOut } = await startProcess()
    const old = await logIn(alice, 'PHONE', true)
    const fresh = await sessions.refresh(old.refresh_token ?? '')
    reads.afterRead = async () => void (await logOut(alice, 'PHONE'))
    await expect(accessTokens.check(fresh.access_token)).rejects.toEqual(refusal(false))
  })

  it('that became void is told to every listener', async () => {
    const { accessTokens, voided, users, hear, logIn, logOut } = await startProcess()
    const others: (number | 'all')[] = []
    accessTokens.onVoided((user) => others.push(user))
    await logIn(alice, 'PHONE')
    await logOut(alice, 'PHONE')
    hear()
    accessTokens.missed()
    expect(others).toEqual([users[0], 'all'])
    expect(voided).toEqual(others)
  })

  it('ends when its time is over, kept in memory or not, and its device lives on', async () => {
    const { accessTokens, clock, logIn } = await startProcess()
    const [kept, other] = [await logIn(alice, 'PHONE', true), await logIn(bob, 'PHONE', true)]
    await accessTokens.check(kept.access_token)
    clock.advance(LIFETIMES.refreshableAccessMs)
    for (const { access_token: token } of [kept, other])
      await expect(accessTokens.check(token)).rejects.toEqual(refusal(true))
  })

  it('that is unknown is refused for good, and read only if it could be one', async () => {
    const { accessTokens, reads } = await startProcess()
    await expect(accessTokens.check('syt_of_another_server')).rejects.toEqual(refusal(false))
    expect(reads.count).toBe(0)
    await expect(accessTokens.check(`hra_${'A'.repeat(43)}`)).rejects.toEqual(refusal(false))
    expect(reads.count).toBe(1)
  })

  it('that nobody uses lately is not looked up where too many wrong ones came from', async () => {
    const { accessTokens, reads, logIn } = await startProcess()
    const { access_token: used } = await logIn(alice, 'PHONE')
    const { access_token: idle } = await logIn(bob, 'PHONE')
    await accessTokens.check(used)
    const before = reads.count
    const beforeLookUp = async (): Promise<void> => {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests')
    }
    const at = { ...from, beforeLookUp }
    expect((await accessTokens.check(used, at)).userId).toBe(alice)
    for (const token of [idle, `hra_${'A'.repeat(43)}`])
      await expect(accessTokens.check(token, at)).rejects.toMatchObject({ errcode: 'M_LIMIT_EXCEEDED' })
    expect(reads.count).toBe(before)
  })

  it('tells where its device was seen, once a minute', async () => {
    const { accessTokens, devices, clock, logIn } = await startProcess()
    const { access_token: token } = await logIn(alice, 'PHONE')
    const seenAt = async () => (await devices.device(alice, 'PHONE' as DeviceId))?.lastSeenIp
    const use = (ip: string) => accessTokens.check(token, { ip, userAgent: undefined })
    await use('192.0.2.1')
    await use('192.0.2.2')
    expect(await seenAt()).toBe('192.0.2.1')
    clock.advance(60_000)
    await use('192.0.2.3')
    expect(await seenAt()).toBe('192.0.2.3')
  })

  it('is read again where more users have void tokens than are remembered', async () => {
    const { accessTokens, reads, bus, logIn, hear } = await startProcess()
    const { access_token: token } = await logIn(alice, 'PHONE')
    hear()
    await accessTokens.check(token)
    const others = Array.from({ length: 50_001 }, (_, index) => 1_000 + index)
    const news = [{ stream: 'sessions' as const, position: 1, rooms: [], users: others }]
    bus.publish({ kind: 'committed', before: {}, positions: { sessions: 1 }, news })
    const before = reads.count
    await accessTokens.check(token)
    expect(reads.count).toBe(before + 1)
  })
})
