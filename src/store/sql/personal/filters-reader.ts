import type { FiltersReader } from '../../ports/personal/filters.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { FilterTables } from './filters-writes.ts'

const query = queriesOver<FilterTables>()

const filterOf = query((db, param: { user: UserNumber; filterId: number }) =>
  db
    .selectFrom('filters')
    .select('filter_json')
    .where('user_number', '=', param.user)
    .where('filter_id', '=', param.filterId),
)

export const filtersReader = (db: Db): FiltersReader => ({
  filter: async (user, filterId) => (await db.first(filterOf, { user, filterId }))?.filter_json,
})
