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

export const userDirectoryWrites = [fill]

export const userDirectoryWriter: UserDirectoryWriter = { fill: () => fill(undefined) }
