import type { FiltersWriter, NewFilter } from '../../ports/personal/filters.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, insertInto, queriesOver } from '../engine/index.ts'

export interface FilterTables {
  filters: { user_number: number; filter_id: number; digest: string; filter_json: string }
}

const query = queriesOver<FilterTables>()

const sameFilter = query((db, param: { user: UserNumber; digest: string }) =>
  db.selectFrom('filters').select('filter_id').where('user_number', '=', param.user).where('digest', '=', param.digest),
)
const newest = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('filters')
    .select('filter_id')
    .where('user_number', '=', param.user)
    .orderBy('filter_id', 'desc')
    .limit(1),
)
const insertFilter = insertInto('filters', {
  user_number: 'integer',
  filter_id: 'integer',
  digest: 'text',
  filter_json: 'text',
})
const deleteUpTo = query((db, param: { user: UserNumber; filterId: number }) =>
  db.deleteFrom('filters').where('user_number', '=', param.user).where('filter_id', '<=', param.filterId),
)
const deleteAll = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('filters').where('user_number', '=', param.user),
)

const add = defineWrite('filters.add', async (tx, filter: NewFilter): Promise<number> => {
  const { user, digest, filterJson } = filter
  const same = await tx.first(sameFilter, { user, digest })
  if (same !== undefined) return same.filter_id
  const filterId = ((await tx.first(newest, { user }))?.filter_id ?? 0) + 1
  await tx.insertMany(insertFilter, [{ user_number: user, filter_id: filterId, digest, filter_json: filterJson }])
  if (filterId > filter.keep) await tx.run(deleteUpTo, { user, filterId: filterId - filter.keep })
  return filterId
})
const removeAll = defineWrite('filters.removeAll', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deleteAll, input)
})

export const filterWrites = [add, removeAll]

export const filtersWriter: FiltersWriter = { add, removeAll: (user) => removeAll({ user }) }
