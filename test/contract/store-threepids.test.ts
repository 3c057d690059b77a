import { expect, it } from 'vitest'
import type { UserId } from '#spec'
import { type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const [alice, bob] = ['@alice:test' as UserId, '@bob:test' as UserId]
const { thirdPartyIds, emailValidations } = writers

const accountOf = async (store: Store, userId: UserId): Promise<number> => {
  const account = { userId, passwordHash: 'x', guest: false, admin: false, createdAtMs: 1 }
  const [user] = await store.commit([writers.accounts.create(account)])
  return user
}

const emailOf = (address: string, addedAtMs = 20) => ({ medium: 'email', address, validatedAtMs: 10, addedAtMs })
const add = (userId: UserId, address: string, addedAtMs?: number) =>
  thirdPartyIds.add(userId, emailOf(address, addedAtMs), 3)

onEveryDatabase('the port of third-party identifiers', (open) => {
  it('gives an address to one account, and lists those of an account, oldest first', async () => {
    const store = await open()
    const user = await accountOf(store, alice)
    await store.commit([add(alice, 'z@x.org', 20), add(alice, 'a@x.org', 30)])
    const held = await store.thirdPartyIds.ofUser(user)
    expect(held).toEqual([
      { ...emailOf('z@x.org', 20), user, userId: alice },
      { ...emailOf('a@x.org', 30), user, userId: alice },
    ])
    expect(await store.thirdPartyIds.thirdPartyId({ medium: 'email', address: 'a@x.org' })).toEqual(held[1])
    expect(await store.thirdPartyIds.thirdPartyId({ medium: 'msisdn', address: 'a@x.org' })).toBeUndefined()
    expect(await store.thirdPartyIds.thirdPartyId({ medium: 'email', address: 'A@x.org' })).toBeUndefined()
  })

  it('lets one of two win who add the same address at the same time', async () => {
    const store = await open()
    for (const userId of [alice, bob]) await accountOf(store, userId)
    const both = [store.commit([add(alice, 'a@x.org')]), store.commit([add(bob, 'a@x.org')])]
    const outcomes = await Promise.allSettled(both)
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(outcomes[1]).toMatchObject({ reason: { kind: 'threepid-in-use' } })
    expect((await store.thirdPartyIds.thirdPartyId({ medium: 'email', address: 'a@x.org' }))?.userId).toBe(alice)
  })

  it('goes into the commit of a new account, and not without it', async () => {
    const store = await open()
    await accountOf(store, bob)
    await store.commit([add(bob, 'taken@x.org')])
    const account = { userId: alice, passwordHash: 'x', guest: false, admin: false, createdAtMs: 1 }
    const create = writers.accounts.create(account)
    await expect(store.commit([create, add(alice, 'taken@x.org')])).rejects.toMatchObject({ kind: 'threepid-in-use' })
    expect(await store.accounts.account(alice)).toBeUndefined()
    const [user] = await store.commit([create, add(alice, 'free@x.org')])
    expect(await store.thirdPartyIds.ofUser(user)).toHaveLength(1)
  })

  it('takes what is validated anew, refuses one too many, and those of no account', async () => {
    const store = await open()
    const user = await accountOf(store, alice)
    await store.commit([add(alice, 'a@x.org'), add(alice, 'b@x.org'), add(alice, 'c@x.org')])
    const again = { ...emailOf('a@x.org', 99), validatedAtMs: 98 }
    await store.commit([thirdPartyIds.add(alice, again, 3)])
    expect((await store.thirdPartyIds.ofUser(user))[0]).toMatchObject({ validatedAtMs: 98, addedAtMs: 20 })
    await expect(store.commit([add(alice, 'd@x.org')])).rejects.toMatchObject({ kind: 'too-many-threepids' })
    await expect(store.commit([add(bob, 'd@x.org')])).rejects.toMatchObject({ kind: 'account-gone' })
    await store.commit([writers.accounts.deactivate(alice, false, 5)])
    await expect(store.commit([add(alice, 'a@x.org')])).rejects.toMatchObject({ kind: 'account-gone' })
  })

  it('is removed by its owner only, and all of it with the account', async () => {
    const store = await open()
    const [user, other] = [await accountOf(store, alice), await accountOf(store, bob)]
    await store.commit([add(alice, 'a@x.org'), add(alice, 'b@x.org'), add(bob, 'c@x.org')])
    const key = { medium: 'email', address: 'a@x.org' }
    expect(await store.commit([thirdPartyIds.remove(other, key), thirdPartyIds.remove(user, key)])).toEqual([
      false,
      true,
    ])
    const binding = { medium: 'email', address: 'b@x.org', idServer: 'id.test' }
    await store.commit([thirdPartyIds.addBinding(user, binding), thirdPartyIds.addBinding(user, binding)])
    await store.commit([thirdPartyIds.addBinding(user, { ...binding, idServer: 'other.test' })])
    await store.commit([thirdPartyIds.removeBinding(user, { ...binding, idServer: 'other.test' })])
    expect(await store.thirdPartyIds.bindingsOf(user)).toEqual([binding])
    await store.commit([thirdPartyIds.removeAll(user)])
    expect([await store.thirdPartyIds.ofUser(user), await store.thirdPartyIds.bindingsOf(user)]).toEqual([[], []])
    expect(await store.thirdPartyIds.ofUser(other)).toHaveLength(1)
  })
})

const KEY = { secretHash: 'secret', address: 'a@x.org', purpose: 'add' }
const draft = (over: object = {}) => ({
  ...KEY,
  sid: 'one',
  tokenHash: 't1',
  nextLink: undefined,
  nowMs: 100,
  expiresAtMs: 200,
  ...over,
})
const proof = (over: object = {}) => ({
  sid: 'one',
  secretHash: 'secret',
  tokenHash: 't1',
  nowMs: 150,
  expiresAtMs: 400,
  most: 2,
  ...over,
})

onEveryDatabase('the port of e-mail validations', (open) => {
  it('keeps one session for a secret, an address and a purpose; tokens of earlier mails stay good', async () => {
    const store = await open()
    const prepare = async (over?: object) => (await store.commit([emailValidations.prepare(draft(over))]))[0]
    expect([await prepare(), await prepare({ sid: 'two', tokenHash: 't2', nextLink: 'https://x.org/' })]).toEqual([
      'one',
      'one',
    ])
    expect(await prepare({ sid: 'three', purpose: 'password' })).toBe('three')
    await store.commit([emailValidations.sent('one', 7, 120)])
    const session = await store.emailValidations.ofKey(KEY)
    expect(session).toEqual({
      ...KEY,
      ...{ sid: 'one', attempt: 7, sentAtMs: 120, nextLink: 'https://x.org/' },
      ...{ expiresAtMs: 200, validatedAtMs: undefined },
    })
    for (const tokenHash of ['t3', 't4']) await prepare({ tokenHash })
    const submit = async (tokenHash: string) =>
      (await store.commit([emailValidations.submit(proof({ tokenHash, most: 9 }))]))[0]
    expect([await submit('t1'), await submit('t2'), await submit('t4')]).toEqual(['wrong', 'validated', 'validated'])
    expect(await store.emailValidations.emailValidation('one')).toMatchObject({ validatedAtMs: 150, expiresAtMs: 400 })
  })

  it('takes no token of a stranger, none too late, and none after too many wrong ones', async () => {
    const store = await open()
    await store.commit([emailValidations.prepare(draft())])
    const submit = async (over?: object) => (await store.commit([emailValidations.submit(proof(over))]))[0]
    expect([await submit({ secretHash: 'other' }), await submit({ sid: 'two' })]).toEqual(['gone', 'gone'])
    expect([await submit({ nowMs: 200 }), await submit({ tokenHash: 't' })]).toEqual(['gone', 'wrong'])
    expect([await submit({ tokenHash: 't1 t1' }), await submit()]).toEqual(['wrong', 'wrong'])
    expect((await store.emailValidations.emailValidation('one'))?.validatedAtMs).toBeUndefined()
    await store.commit([emailValidations.prepare(draft({ tokenHash: 't2' }))])
    expect(await submit()).toBe('validated')
  })

  it('is used once, in time, and only when validated', async () => {
    const store = await open()
    await store.commit([emailValidations.prepare(draft())])
    const consume = (nowMs: number) => store.commit([emailValidations.consume('one', nowMs)])
    await expect(consume(150)).rejects.toMatchObject({ kind: 'validation-gone' })
    await store.commit([emailValidations.submit(proof({ secretHash: undefined }))])
    await expect(consume(400)).rejects.toMatchObject({ kind: 'validation-gone' })
    await consume(399)
    await expect(consume(399)).rejects.toMatchObject({ kind: 'validation-gone' })
  })

  it('is swept once expired, when another one begins', async () => {
    const store = await open()
    await store.commit([emailValidations.prepare(draft())])
    await store.commit([emailValidations.prepare(draft({ sid: 'two', address: 'b@x.org', nowMs: 199 }))])
    expect(await store.emailValidations.emailValidation('one')).toBeDefined()
    await store.commit([emailValidations.prepare(draft({ sid: 'three', nowMs: 200, expiresAtMs: 300 }))])
    expect(await store.emailValidations.emailValidation('one')).toBeUndefined()
    expect((await store.emailValidations.ofKey(KEY))?.sid).toBe('three')
  })
})
