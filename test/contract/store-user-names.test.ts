import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { foldName, nameWords } from '#base'
import type { ServerName, UserId } from '#spec'
import { type Store, writers } from '#store'
import { makeSqlite, onEveryDatabase } from './databases.ts'

const OWN = 'test' as ServerName
const USERS = ['@viewer', '@anna', '@bea-x', '@ab', '@ab_ab'].map((localpart) => `${localpart}:${OWN}` as UserId)
const [VIEWER_ID = '' as UserId, ...NAMED] = USERS

const account = (userId: UserId) =>
  writers.accounts.create({ userId, passwordHash: undefined, guest: false, admin: false, createdAtMs: 1 })

/** Few signs, so that names share their pieces and lose and get back the same ones. */
const letters = fc.constantFrom('a', 'b', 'n', 'é', '"', '\\', '-', 'ꙮ', ' ')
const name = fc.string({ unit: letters, maxLength: 7 })
type Step =
  | { readonly kind: 'name'; readonly who: number; readonly name: string }
  | { readonly kind: 'none'; readonly who: number }
  | { readonly kind: 'clear' }
  | { readonly kind: 'merge' }
const who = fc.nat(NAMED.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('name' as const), who, name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('none' as const), who }) },
  { weight: 3, arbitrary: fc.constantFrom({ kind: 'clear' } as const, { kind: 'merge' } as const) },
)
const word = fc.string({ unit: letters, minLength: 1, maxLength: 4 })

/** What the index is merged and held against itself with, beside the open store. */
const onIndex = (url: string, ...commands: readonly string[]): void => {
  if (!url.startsWith('sqlite:')) return
  const file = new DatabaseSync(url.slice('sqlite:'.length))
  for (const command of commands) file.exec(`insert into user_names_index (user_names_index) values ('${command}')`)
  file.close()
}

/** All pieces that the index has of each user. */
const indexed = (url: string): readonly string[] => {
  const file = new DatabaseSync(url.slice('sqlite:'.length))
  file.exec("create virtual table temp.pieces using fts5vocab('main', 'user_names_index', 'instance')")
  const rows = file.prepare('select doc, term from temp.pieces order by doc, term').all()
  file.close()
  return rows.map(({ doc, term }) => `${Number(doc)} ${String(term)}`)
}

/** What the index should have: the pieces of names, and of former ones that are not cleared. */
const pieces = (url: string): readonly string[] => {
  const file = new DatabaseSync(url.slice('sqlite:'.length))
  const rows = file.prepare("select user_number, grams || ' ' || former as all_grams from user_names").all()
  file.close()
  return rows
    .flatMap(({ user_number: user, all_grams: all }) =>
      String(all)
        .split(' ')
        .filter((piece) => piece !== '')
        .map((piece) => `${Number(user)} ${piece}`),
    )
    .toSorted()
}

const clearAll = async (store: Store): Promise<void> => {
  for (let more = true; more; ) [{ more }] = await store.commit([writers.userDirectory.clearFormer()])
}

const setName = (store: Store, user: number, displayname: string) =>
  store.commit([writers.profiles.setField(user, 'displayname', JSON.stringify(displayname))])

const found = async (store: Store, viewer: number, words: readonly string[]): Promise<readonly string[]> =>
  (await store.userDirectory.named({ words, viewer, everybody: true, own: OWN })).users
    .map(({ userId }) => String(userId))
    .toSorted()

onEveryDatabase('the names of users', (_open, make) => {
  test('are found after any changes, clearings and merges as a plain model finds them', async () => {
    const database = await make()
    const store = await database.open()
    const [viewer, ...numbers] = await store.commit([account(VIEWER_ID), ...NAMED.map(account)])
    const names = new Map<number, string | undefined>()
    /** Of words that have two signs at least: one alone is looked for where words begin. */
    const wanted = (words: readonly string[]): readonly string[] =>
      NAMED.filter((userId, index) => {
        const own = [foldName(userId.slice(0, userId.indexOf(':'))), foldName(names.get(index) ?? '')].join('\n')
        return words.every((one) => own.includes(one))
      }).toSorted()
    const take = async (one: Step): Promise<void> => {
      if (one.kind === 'clear') await store.commit([writers.userDirectory.clearFormer()])
      else if (one.kind === 'merge') onIndex(database.url, 'optimize')
      else if (one.kind === 'none') {
        await store.commit([writers.profiles.removeField(numbers[one.who] ?? 0, 'displayname')])
        names.delete(one.who)
      } else {
        await setName(store, numbers[one.who] ?? 0, one.name)
        names.set(one.who, one.name)
      }
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(word, { maxLength: 4 }),
        async (steps, questions) => {
          for (const one of steps) await take(one)
          for (const question of questions) {
            const words = nameWords(question).filter((one) => Array.from(one).length > 1)
            if (words.length > 0) expect(await found(store, viewer, words)).toEqual(wanted(words))
          }
          if (!database.url.startsWith('sqlite:')) return
          onIndex(database.url, 'integrity-check')
          expect(indexed(database.url).toSorted()).toEqual(pieces(database.url))
        },
      ),
      { numRuns: 150, endOnFailure: true },
    )
  }, 60_000)

  test('of former times are nowhere in the index once they are cleared', async () => {
    const database = await make()
    const store = await database.open()
    const [viewer, anna] = await store.commit([account(VIEWER_ID), account('@anna:test' as UserId)])
    expect(await store.userDirectory.hasFormer()).toBe(false)
    for (const one of ['Berta Bell', 'Cleo Bell', 'Berta Bell', 'Dora']) await setName(store, anna, one)
    expect(await found(store, viewer, ['bell'])).toEqual([])
    expect(await found(store, viewer, ['dora'])).toEqual(['@anna:test'])
    expect(await store.userDirectory.hasFormer()).toBe(database.url.startsWith('sqlite:'))
    await clearAll(store)
    expect(await store.userDirectory.hasFormer()).toBe(false)
    expect(await found(store, viewer, ['dora'])).toEqual(['@anna:test'])
    // A name that comes back is found again.
    await setName(store, anna, 'Berta')
    expect(await found(store, viewer, ['berta'])).toEqual(['@anna:test'])
  })
})

test('pieces of former names are overwritten in the file, and the index has exactly those of today', async () => {
  const [changed, fresh] = [await makeSqlite(), await makeSqlite()]
  const sign = 'ꙮ'
  const last = 'Dora Berta'
  for (const [database, names] of [
    [changed, ['Anna', `Be${sign}ta ${sign}ell`, `${sign}${sign}${sign}`, 'Dora', 'Berta Dora', last]],
    [fresh, [last]],
  ] as const) {
    const store = await database.open()
    const [user] = await store.commit([account('@anna:test' as UserId)])
    for (const one of names) await setName(store, user, one)
    const holds = (): boolean => readFileSync(database.url.slice('sqlite:'.length)).includes(sign)
    if (names.length > 1) {
      const file = new DatabaseSync(database.url.slice('sqlite:'.length))
      file.exec('pragma wal_checkpoint(truncate)')
      file.close()
      // Otherwise it would show nothing that the sign is gone below.
      expect(holds()).toBe(true)
    }
    await clearAll(store)
    await store.close()
    expect(holds()).toBe(false)
  }
  expect(indexed(changed.url)).toEqual(indexed(fresh.url))
})
