import { expect, it } from 'vitest'
import type { DeviceId, UserId } from '#spec'
import { PEOPLE_ORDERS, type PeopleFilter, type PeopleOrder, type PersonRow, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const EVERYBODY = { offset: 0, limit: 100 }

const make = async (store: Store): Promise<readonly PersonRow[]> => {
  const names = ['zoe', 'adam', 'Bo_b', 'eve%', 'guest1', 'old', 'bot', 'support', 'shadow', 'locked']
  for (const [index, name] of names.entries()) {
    const userId = `@${name}:test` as UserId
    await store.commit([
      writers.accounts.create({
        userId,
        passwordHash: 'x',
        guest: name.startsWith('guest'),
        admin: name === 'adam',
        createdAtMs: 100 - (index % 3),
        userType: ['bot', 'support'].includes(name) ? name : undefined,
      }),
      ...(index % 2 === 0 ? [writers.profiles.setFieldOf(userId, 'displayname', `"Name ${index} of ${name}"`)] : []),
      ...(index % 4 === 0 ? [writers.profiles.setFieldOf(userId, 'avatar_url', `"mxc://test/${9 - index}"`)] : []),
    ])
    const seen = { ip: '1.2.3.4', userAgent: undefined }
    for (const device of [1, 2].slice(0, index % 3)) {
      const tokens = { accessHash: `${name}${device}`, accessExpiresAtMs: undefined, refreshHash: undefined }
      await store.commit([
        writers.devices.startSession({
          userId,
          deviceId: `D${device}` as DeviceId,
          displayName: undefined,
          tokens: { ...tokens, refreshExpiresAtMs: undefined },
          seen: { ...seen, atMs: 1_000 + ((index * 7) % 10) - device },
        }),
      ])
    }
  }
  // Users of other servers are users and no accounts.
  const idOf = (name: string) => `@${name}:test` as UserId
  await store.commit([writers.accounts.deactivate(idOf('old'), true, 5)])
  await store.commit([writers.accounts.mark(idOf('shadow'), { shadowBanned: true })])
  await store.commit([writers.accounts.mark(idOf('locked'), { lockedAtMs: 7, suspendedAtMs: 8 })])
  const all = await Promise.all(names.map((name) => store.people.person(idOf(name))))
  return all.filter((row) => row !== undefined)
}

const keyOf = (row: PersonRow, order: PeopleOrder): string | number =>
  ({
    name: row.userId,
    is_guest: Number(row.guest),
    admin: Number(row.admin),
    user_type: row.userType ?? '',
    deactivated: Number(row.deactivated),
    locked: Number(row.locked),
    shadow_banned: Number(row.shadowBanned),
    displayname: row.displayName ?? '',
    avatar_url: row.avatarUrl ?? '',
    creation_ts: row.createdAtMs,
    last_seen_ts: row.lastSeenAtMs ?? 0,
  })[order]

const compare = (one: string | number, other: string | number): number =>
  one === other ? 0 : (one as number) < (other as number) ? -1 : 1

const sorted = (rows: readonly PersonRow[], order: PeopleOrder, descending: boolean) =>
  rows.toSorted((one, other) => {
    const sign = descending ? -1 : 1
    const byKey = sign * compare(keyOf(one, order), keyOf(other, order))
    const byName = (order === 'creation_ts' ? sign : 1) * compare(one.userId, other.userId)
    return byKey === 0 ? byName : byKey
  })

const idsOf = (rows: readonly PersonRow[]) => rows.map(({ userId }) => userId)

onEveryDatabase('people', (open) => {
  it('are listed in every order and both ways, as a plain sort has them, in pages', async () => {
    const store = await open()
    const all = await make(store)
    expect(all).toHaveLength(10)
    for (const order of PEOPLE_ORDERS)
      for (const descending of [false, true]) {
        const wanted = idsOf(sorted(all, order, descending))
        const page = { ...EVERYBODY, order, descending }
        expect(idsOf(await store.people.people(page)), `${order} ${descending}`).toEqual(wanted)
        const part = await store.people.people({ ...page, offset: 3, limit: 4 })
        expect(idsOf(part), `${order} ${descending}, a page`).toEqual(wanted.slice(3, 7))
      }
  })

  it('are found by each filter, alone and with others, and counted alike', async () => {
    const store = await open()
    const all = await make(store)
    const named = (row: PersonRow, part: string) =>
      row.userId.split(':')[0]?.toLowerCase().includes(part) === true ||
      row.displayName?.toLowerCase().includes(part) === true
    const cases: readonly [PeopleFilter, (row: PersonRow) => boolean][] = [
      [{}, () => true],
      [{ guests: false }, (row) => !row.guest],
      [{ admins: true }, (row) => row.admin],
      [{ admins: false }, (row) => !row.admin],
      [{ deactivated: true }, (row) => row.deactivated],
      [{ deactivated: false }, (row) => !row.deactivated],
      [{ locked: false }, (row) => !row.locked],
      [{ notTypes: ['bot'] }, (row) => row.userType !== 'bot'],
      [{ notTypes: ['', 'bot'] }, (row) => row.userType !== 'bot' && row.userType !== undefined],
      [{ named: 'O' }, (row) => named(row, 'o')],
      [{ named: 'name 4' }, (row) => named(row, 'name 4')],
      [{ named: 'eve%' }, (row) => row.userId.startsWith('@eve')],
      [{ named: '_' }, (row) => row.userId.startsWith('@Bo')],
      [{ id: 'BO_' }, (row) => row.userId.startsWith('@Bo')],
      [{ id: ':TEST' }, () => true],
      [{ named: 'o', guests: false, deactivated: false }, (row) => named(row, 'o') && !row.guest && !row.deactivated],
    ]
    for (const [filter, fits] of cases) {
      const wanted = idsOf(sorted(all.filter(fits), 'name', false))
      const label = JSON.stringify(filter)
      const rows = await store.people.people({ ...EVERYBODY, order: 'name', descending: false, ...filter })
      expect(idsOf(rows), label).toEqual(wanted)
      expect(await store.people.countPeople(filter), label).toBe(wanted.length)
    }
  })

  it('are marked, reactivated and limited, each mark alone', async () => {
    const store = await open()
    await make(store)
    const zoe = '@zoe:test' as UserId
    const rateLimit = { perSecond: 0, burst: 0 }
    await store.commit([writers.accounts.mark(zoe, { userType: 'bot', rateLimit, expiresAtMs: 9 })])
    await store.commit([writers.accounts.mark(zoe, { admin: true })])
    const marked = { userType: 'bot', rateLimit, expiresAtMs: 9, admin: true, shadowBanned: false }
    expect(await store.accounts.account(zoe)).toMatchObject(marked)
    await store.commit([writers.accounts.mark(zoe, { userType: undefined, rateLimit: undefined })])
    expect(await store.accounts.account(zoe)).toMatchObject({ userType: undefined, rateLimit: undefined, admin: true })
    const old = '@old:test' as UserId
    const back = () => store.commit([writers.accounts.reactivate(old, 'y')])
    await expect(back()).rejects.toMatchObject({ kind: 'still-leaving' })
    await store.commit([writers.accounts.finishDeactivation(old)])
    expect(await store.accounts.erasures()).toHaveLength(1)
    await back()
    expect(await store.accounts.account(old)).toMatchObject({ deactivatedAtMs: undefined, passwordHash: 'y' })
    expect(await store.accounts.erasures()).toEqual([])
    await expect(back()).rejects.toMatchObject({ kind: 'account-gone' })
  })
})
