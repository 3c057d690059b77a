import { expect, test } from 'vitest'
import { type ShortLivedRow, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const { shortLived } = writers
const KIND = 'login-token'
const MANY = 1_000

const row = (key: string, more: Partial<ShortLivedRow> = {}): ShortLivedRow => ({
  kind: KIND,
  key,
  owner: '',
  body: `body of ${key}`,
  expiresAtMs: 1_000,
  ...more,
})

const keysLeft = async (store: Store, keys: readonly string[], kind: ShortLivedRow['kind'] = KIND) => {
  const found = await Promise.all(keys.map((key) => store.shortLived.find({ kind, key }, 0)))
  return found.flatMap((one) => (one === undefined ? [] : [one.key]))
}

onEveryDatabase('short-lived rows', (open) => {
  test('are found until they expire, and are told apart by kind', async () => {
    const store = await open()
    await store.commit([shortLived.put(row('a', { owner: 'alice' }), MANY)])
    expect(await store.shortLived.find({ kind: KIND, key: 'a' }, 999)).toEqual(row('a', { owner: 'alice' }))
    expect(await store.shortLived.find({ kind: KIND, key: 'a' }, 1_000)).toBeUndefined()
    expect(await store.shortLived.find({ kind: 'openid-token', key: 'a' }, 0)).toBeUndefined()
  })

  test('are replaced by a put of the same key', async () => {
    const store = await open()
    await store.commit([
      shortLived.put(row('a'), MANY),
      shortLived.put(row('a', { body: 'new', expiresAtMs: 5 }), MANY),
    ])
    expect(await store.shortLived.find({ kind: KIND, key: 'a' }, 0)).toMatchObject({ body: 'new', expiresAtMs: 5 })
  })

  test('are taken once, whoever asks at the same time', async () => {
    const store = await open()
    await store.commit([shortLived.put(row('a'), MANY)])
    const takes = await Promise.all(
      [1, 2, 3, 4].map(async () => (await store.commit([shortLived.take({ kind: KIND, key: 'a' }, 0)]))[0]),
    )
    expect(takes.filter((taken) => taken !== undefined)).toEqual([row('a')])
    expect(await keysLeft(store, ['a'])).toEqual([])
  })

  test('that expired are not taken', async () => {
    const store = await open()
    await store.commit([shortLived.put(row('a'), MANY)])
    expect(await store.commit([shortLived.take({ kind: KIND, key: 'a' }, 1_000)])).toEqual([undefined])
  })

  test('are added once, and again once they expired', async () => {
    const store = await open()
    const first = row('a', { body: 'first' })
    const second = row('a', { body: 'second', expiresAtMs: 3_000 })
    expect(await store.commit([shortLived.add(first, 0), shortLived.add(second, 999)])).toEqual([true, false])
    expect(await store.shortLived.find(first, 0)).toEqual(first)
    expect(await store.commit([shortLived.add(second, 1_000)])).toEqual([true])
    expect(await store.shortLived.find(second, 0)).toEqual(second)
  })

  test('are replaced where nobody else was faster', async () => {
    const store = await open()
    const before = row('a')
    const after = row('a', { body: 'after', owner: 'alice', expiresAtMs: 9 })
    await store.commit([shortLived.put(before, MANY)])
    expect(await store.commit([shortLived.replace(after, 'something else')])).toEqual([false])
    expect(await store.commit([shortLived.replace(after, before.body)])).toEqual([true])
    expect(await store.commit([shortLived.replace(before, before.body)])).toEqual([false])
    expect(await store.shortLived.find(after, 0)).toEqual(after)
  })

  test('of one owner are bounded: those that expire first go', async () => {
    const store = await open()
    const of = (owner: string, key: string, expiresAtMs: number) => shortLived.put(row(key, { owner, expiresAtMs }), 2)
    await store.commit([of('alice', 'a1', 30), of('alice', 'a2', 10), of('bob', 'b1', 5), of('alice', 'a3', 20)])
    expect(await keysLeft(store, ['a1', 'a2', 'a3', 'b1'])).toEqual(['a1', 'a3', 'b1'])
  })

  test('of nobody are bounded for the kind alone', async () => {
    const store = await open()
    const puts = ['a', 'b', 'c', 'd'].map((key, index) => shortLived.put(row(key, { expiresAtMs: 10 + index }), 1))
    await store.commit([...puts, shortLived.put(row('e', { kind: 'openid-token' }), 1)])
    expect(await keysLeft(store, ['a', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c', 'd'])
    await store.commit([shortLived.trim(KIND, 3)])
    expect(await keysLeft(store, ['a', 'b', 'c', 'd'])).toEqual(['b', 'c', 'd'])
    expect(await keysLeft(store, ['e'], 'openid-token')).toEqual(['e'])
  })

  test('of one owner go together', async () => {
    const store = await open()
    const puts = ['a', 'b', 'c'].map((key) => shortLived.put(row(key, { owner: key === 'c' ? 'bob' : 'alice' }), MANY))
    await store.commit([...puts, shortLived.removeOwned(KIND, 'alice')])
    expect(await keysLeft(store, ['a', 'b', 'c'])).toEqual(['c'])
  })

  test('that expired are removed in pieces, the others stay', async () => {
    const store = await open()
    const puts = ['a', 'b', 'c', 'd'].map((key) =>
      shortLived.put(row(key, { expiresAtMs: key === 'd' ? 11 : 10 }), MANY),
    )
    await store.commit(puts)
    const drop = async () => (await store.commit([shortLived.dropExpired(KIND, 10, 2)]))[0]
    expect([await drop(), await drop(), await drop()]).toEqual([2, 1, 0])
    expect(await keysLeft(store, ['a', 'b', 'c', 'd'])).toEqual(['d'])
  })
})
