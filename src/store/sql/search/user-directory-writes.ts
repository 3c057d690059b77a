import { sql } from 'kysely'
import type { UserDirectoryWriter } from '../../ports/search/user-directory.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'
import { type NameTables, storeNames } from './names.ts'

const AT_ONCE = 100

const query = queriesOver<NameTables>()

const progress = query((db) => db.selectFrom('user_names_progress').select(['filled', 'wanted']))
const setProgress = query((db, param: { filled: number }) =>
  db.updateTable('user_names_progress').set({ filled: param.filled }),
)
const accountsAfter = query((db, param: { after: number; upTo: number; limit: number }) =>
  db
    .selectFrom('accounts')
    .select('user_number')
    .where('user_number', '>', param.after)
    .where('user_number', '<=', param.upTo)
    .orderBy('user_number')
    .limit(param.limit),
)

const fill = defineWrite('userDirectory.fill', async (tx): Promise<{ readonly more: boolean }> => {
  const { filled, wanted } = (await tx.first(progress, {})) ?? { filled: 0, wanted: 0 }
  if (filled >= wanted) return { more: false }
  const accounts = await tx.all(accountsAfter, { after: filled, upTo: wanted, limit: AT_ONCE })
  for (const { user_number: user } of accounts) await storeNames(tx, user)
  const more = accounts.length === AT_ONCE
  await tx.run(setProgress, { filled: more ? (accounts.at(-1)?.user_number ?? wanted) : wanted })
  return { more }
})

/** So few that a piece stays short: for each of their pieces a page of the index is written. */
const CLEARED_AT_ONCE = 2

interface FormerTables {
  readonly user_names: NameTables['user_names'] & { readonly former: string }
  /** SQLite only. */
  readonly user_names_index: { readonly rowid: number; readonly user_names_index: string; readonly grams: string }
}
const former = queriesOver<FormerTables>()
const formerNames = former((db, param: { limit: number }) =>
  db
    .selectFrom('user_names')
    .select(['user_number', 'former'])
    .where('former', '!=', sql.lit(''))
    .orderBy('user_number')
    .limit(param.limit),
)
/** FTS5 takes the words of one row from the lists of those words alone, so a row may go in parts. */
const takeFromIndex = former((db, param: { user: number; former: string }) =>
  db
    .insertInto('user_names_index')
    .values({ user_names_index: sql.lit('delete'), rowid: param.user, grams: param.former }),
)
const setCleared = former((db, param: { user: number }) =>
  db.updateTable('user_names').set({ former: '' }).where('user_number', '=', param.user),
)

const clearFormer = defineWrite('userDirectory.clearFormer', async (tx): Promise<{ readonly more: boolean }> => {
  const rows = await tx.all(formerNames, { limit: CLEARED_AT_ONCE })
  for (const { user_number: user, former } of rows) {
    await tx.run(takeFromIndex, { user, former })
    await tx.run(setCleared, { user })
  }
  return { more: rows.length === CLEARED_AT_ONCE }
})

export const userDirectoryWrites = [fill, clearFormer]

export const userDirectoryWriter: UserDirectoryWriter = {
  fill: () => fill(undefined),
  clearFormer: () => clearFormer(undefined),
}
