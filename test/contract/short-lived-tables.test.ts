import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Clock, Sealer, silentLogger, systemRandom, yieldToEventLoop } from '#base'
import { type ShortLivedTable, ShortLivedTables, type Store, shortLivedSweep, writers } from '#store'
import { SteppedClock } from '../support/stepped-clock.ts'
import { onEveryDatabase } from './databases.ts'

const MINUTE = 60_000
const KIND = 'uia-session'

interface Value {
  readonly secret: string
  readonly count?: number
}

interface Setup {
  readonly clock?: Clock
  readonly key?: number
  readonly rows?: number
}

const tableOver = (store: Store, { clock = new SteppedClock(), key = 1, rows }: Setup = {}): ShortLivedTable<Value> => {
  const sealer = new Sealer({ key: new Uint8Array(32).fill(key), random: systemRandom })
  const tables = new ShortLivedTables({
    reader: store.shortLived,
    writer: writers.shortLived,
    commit: store.commit,
    sealer,
    clock,
    random: systemRandom,
  })
  return tables.table<Value>(KIND, {
    ...{ lifetimeMs: MINUTE, rowsOfOwner: 3, bytesOfNobody: 32 * 1024 },
    ...(rows === undefined ? {} : { rows }),
  })
}

const rowOf = (store: Store, id: string) => store.shortLived.find({ kind: KIND, key: hash('sha256', id, 'hex') }, 0)

const countOf = async (table: ShortLivedTable<Value>, ids: readonly string[]): Promise<number> =>
  (await Promise.all(ids.map((id) => table.find(id)))).filter((value) => value !== undefined).length

onEveryDatabase('a table of what waits for the next request', (open) => {
  test('lists the values of an owner, each by a name that opens nothing and by which its owner alone removes it', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const [table, kept] = [tableOver(store, { clock }), tableOver(store, { clock, key: 2 })]
    const first = await table.put({ secret: 'one' }, { owner: 'alice', lifetimeMs: 2 * MINUTE })
    await table.put({ secret: 'two' }, { owner: 'alice', lifetimeMs: 3 * MINUTE })
    await table.put({ secret: 'gone' }, { owner: 'alice' })
    await table.put({ secret: 'of bob' }, { owner: 'bob', lifetimeMs: 3 * MINUTE })
    clock.advance(MINUTE)
    const all = await table.owned('alice')
    expect(all.map(({ value }) => value.secret)).toEqual(['two', 'one'])
    expect(await kept.owned('alice')).toEqual([])
    const name = all[1]?.name ?? ''
    expect([name, await table.find(name)]).toEqual([table.nameOf(first), undefined])
    expect(await table.takeOwned('bob', name)).toBe(false)
    expect(await table.find(first)).toEqual({ secret: 'one' })
    expect([await table.takeOwned('alice', name), await table.takeOwned('alice', name)]).toEqual([true, false])
    expect(await table.find(first)).toBeUndefined()
  })

  test('tells its values to the holders of the key and the id alone', async () => {
    const store = await open()
    const id = await tableOver(store).put({ secret: 'correct horse' }, { owner: 'alice' })
    expect(await tableOver(store).find(id)).toEqual({ secret: 'correct horse' })
    expect(await tableOver(store, { key: 2 }).find(id)).toBeUndefined()
    const row = await rowOf(store, id)
    expect(JSON.stringify(row)).not.toContain(id)
    expect(Buffer.from(row?.body ?? '', 'base64url').includes('correct')).toBe(false)

    // A body that was carried over from another row opens nothing.
    const other = await tableOver(store).put({ secret: 'mine' })
    const others = await rowOf(store, other)
    if (row === undefined || others === undefined) throw new Error('a row is missing')
    await store.commit([writers.shortLived.replace({ ...others, body: row.body }, others.body)])
    expect(await tableOver(store).find(other)).toBeUndefined()
  })

  test('has changes of several at the same time all count', async () => {
    const store = await open()
    const tables = [tableOver(store), tableOver(store), tableOver(store)]
    const [table = tableOver(store)] = tables
    const id = await table.put({ secret: 'x', count: 0 })
    const increment = ({ count = 0, ...rest }: Value) => ({ value: { ...rest, count: count + 1 } })
    await Promise.all(tables.flatMap((one) => [one.change(id, increment), one.change(id, increment)]))
    expect(await table.take(id)).toEqual({ secret: 'x', count: 6 })
    expect(await table.change(id, increment)).toBeUndefined()
  })

  test('keeps no more than so many rows of an owner, of all, and no more than so many bytes of one', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const table = tableOver(store, { clock, rows: 100 })
    const put = (owner: string): Promise<string> => {
      clock.advance(1)
      return table.put({ secret: 'x' }, { owner })
    }
    const ofAlice: string[] = []
    for (let count = 0; count < 5; count++) ofAlice.push(await put('alice'))
    expect(await countOf(table, ofAlice)).toBe(3)
    expect(await countOf(table, ofAlice.slice(2))).toBe(3)
    const all: string[] = []
    for (let count = 0; count < 200; count++) all.push(await put(''))
    expect(await countOf(table, [...ofAlice, ...all])).toBeLessThan(100 + 64)
    expect(await countOf(table, all.slice(-100))).toBe(100)
    // Rows of strangers are smaller.
    const tooLarge = expect.objectContaining({ errcode: 'M_TOO_LARGE' })
    const sized = (kib: number, owner?: string) =>
      table.put({ secret: 'x'.repeat(kib * 1024) }, owner === undefined ? {} : { owner })
    await expect(sized(65, 'alice')).rejects.toEqual(tooLarge)
    await expect(sized(33)).rejects.toEqual(tooLarge)
    const id = await sized(33, 'alice')
    const value = { secret: 'x'.repeat(40 * 1024) }
    expect(await table.change(id, () => ({ value }))).toEqual(value)
    await expect(table.change(id, () => ({ value, owner: '' }))).rejects.toEqual(tooLarge)
  })

  test('is rid of expired rows by the sweep, and of no others', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const table = tableOver(store, { clock })
    const ids = [await table.put({ secret: 'x' }), await table.put({ secret: 'x' }, { lifetimeMs: 3 * MINUTE })]
    clock.advance(2 * MINUTE)
    expect(await countOf(table, ids)).toBe(1)
    expect(await Promise.all(ids.map((id) => rowOf(store, id)))).not.toContain(undefined)
    const sweep = shortLivedSweep({ writer: writers.shortLived, commit: store.commit, clock, logger: silentLogger })
    sweep.start()
    await sweep.stop()
    sweep.start()
    while ((await rowOf(store, ids[0] ?? '')) !== undefined) await yieldToEventLoop(clock)
    await sweep.stop()
    expect(await countOf(table, ids)).toBe(1)
  })
})
