import { expect, it } from 'vitest'
import type { UserId } from '#spec'
import { type Store, WriteConflict, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const [alice, bob] = ['@alice:test', '@bob:test'] as [UserId, UserId]
const account = (userId: UserId) =>
  writers.accounts.create({ userId, passwordHash: undefined, guest: false, admin: false, createdAtMs: 1 })
const link = (userId: UserId, subject: string, provider = 'one') =>
  writers.externalIdentities.link({ provider, subject, userId, linkedAtMs: 2 })
const conflictOf = async (committed: Promise<unknown>) => {
  const error = await committed.catch((thrown: unknown) => thrown)
  return error instanceof WriteConflict ? error.kind : error
}

onEveryDatabase('the port of external identities', (open) => {
  const linked = async (store: Store, subject: string, provider = 'one') =>
    store.externalIdentities.userOf(provider, subject)

  it('knows which account a person at a provider is, from the commit that made it on', async () => {
    const store = await open()
    await store.commit([account(alice), link(alice, 'a'), link(alice, 'A', 'two'), link(alice, 'b', 'two')])
    expect([await linked(store, 'a'), await linked(store, 'A'), await linked(store, 'A', 'two')]).toEqual([
      alice,
      undefined,
      alice,
    ])
    expect(await store.externalIdentities.providersOf(alice)).toEqual(['one', 'two'])
    expect(await store.externalIdentities.providersOf(bob)).toEqual([])
  })

  it('links a person to one account for ever, and an account to many persons', async () => {
    const store = await open()
    await store.commit([account(alice), account(bob), link(alice, 'a')])
    await store.commit([link(alice, 'a')])
    expect(await conflictOf(store.commit([link(bob, 'a')]))).toBe('identity-linked')
    const both = [store.commit([link(alice, 'c')]), store.commit([link(bob, 'c')])].map(conflictOf)
    expect((await Promise.all(both)).filter((kind) => kind === 'identity-linked')).toHaveLength(1)
    await store.commit([link(bob, 'd')])
    expect([await linked(store, 'a'), await linked(store, 'd')]).toEqual([alice, bob])
  })

  it('links nobody to what is no account, or is one no more, and keeps what was', async () => {
    const store = await open()
    expect(await conflictOf(store.commit([link(alice, 'a')]))).toBe('account-gone')
    await store.commit([account(alice), link(alice, 'a')])
    await store.commit([writers.accounts.deactivate(alice, true, 3)])
    expect(await conflictOf(store.commit([link(alice, 'b')]))).toBe('account-gone')
    expect(await linked(store, 'a')).toBe(alice)
  })
})
