import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import { foldName } from '#base'
import type { UserId } from '#spec'
import type { PeopleFilter, PeopleOrder, PeoplePage, PeopleReader, PersonRow } from '../../ports/admin/people.ts'
import type { AccountTables } from '../accounts/accounts-tables.ts'
import { type Db, type Lists, type Query, queriesOver } from '../engine/index.ts'

interface PeopleTables extends AccountTables {
  readonly profile_fields: { readonly user_number: number; readonly key: string; readonly value_json: string }
  readonly user_names: { readonly user_number: number; readonly names: string }
}

const query = queriesOver<PeopleTables>()

/** A filter as numbers: 1 for yes, 0 for no, -1 where it lets all through. */
interface FilterParams {
  readonly named: string
  readonly id: string
  readonly guests: number
  readonly admins: number
  readonly deactivated: number
  readonly locked: number
  readonly notTypes: readonly string[]
}

interface PageParams extends FilterParams {
  readonly offset: number
  readonly limit: number
}

/** `texts` cannot be given an empty list's type on every database; a type that no account has stands for none. */
const NO_TYPE = '\u0001'

const accountsIn = (db: Kysely<PeopleTables>, param: FilterParams, { texts }: Lists) =>
  db
    .selectFrom('accounts as a')
    .where(sql<boolean>`(${param.guests} = -1 or a.guest = ${param.guests})`)
    .where(sql<boolean>`(${param.admins} = -1 or a.admin = ${param.admins})`)
    .where(
      sql<boolean>`(${param.deactivated} = -1 or (case when a.deactivated_ms is null then 0 else 1 end) = ${param.deactivated})`,
    )
    .where(sql<boolean>`(${param.locked} = -1 or (case when a.locked_ms is null then 0 else 1 end) = ${param.locked})`)
    .where(sql<string>`coalesce(a.user_type, '')`, 'not in', texts(param.notTypes))
    .where(sql<boolean>`(${param.id} = '%' or lower(a.name) like ${param.id} escape '!')`)
    .where((of) => {
      const names = of
        .selectFrom('user_names as n')
        .select('n.user_number')
        .whereRef('n.user_number', '=', 'a.user_number')
        .where(sql<boolean>`n.names like ${param.named} escape '!'`)
      return of.or([sql<SqlBool>`${param.named} = '%'`, of.exists(names)])
    })

type Selecting = ReturnType<typeof accountsIn>

type Ordering = ExpressionBuilder<PeopleTables & { a: PeopleTables['accounts'] }, 'a'>

const profileField = (of: Ordering, key: string) =>
  of
    .selectFrom('profile_fields as p')
    .select('p.value_json')
    .whereRef('p.user_number', '=', 'a.user_number')
    .where('p.key', '=', sql.lit(key))

const lastSeen = (of: Ordering) =>
  of
    .selectFrom('devices as d')
    .select((seen) => seen.fn.max<number | null>('d.seen_ms').as('at'))
    .whereRef('d.user_number', '=', 'a.user_number')

/** Null sorts alike on both databases only where it is made a value. */
const ORDERS: Readonly<Record<PeopleOrder, (of: Ordering) => Expression<unknown>>> = {
  name: () => sql.ref('a.name'),
  is_guest: () => sql.ref('a.guest'),
  admin: () => sql.ref('a.admin'),
  user_type: () => sql`coalesce(a.user_type, '')`,
  deactivated: () => sql`case when a.deactivated_ms is null then 0 else 1 end`,
  locked: () => sql`case when a.locked_ms is null then 0 else 1 end`,
  shadow_banned: () => sql.ref('a.shadow_banned'),
  displayname: (of) => sql`coalesce(${profileField(of, 'displayname')}, '')`,
  avatar_url: (of) => sql`coalesce(${profileField(of, 'avatar_url')}, '')`,
  creation_ts: () => sql.ref('a.created_ms'),
  last_seen_ts: (of) => sql`coalesce(${lastSeen(of)}, 0)`,
}

/** The indexes go one way in both of their columns, so names are in the order of the whole there. */
const ordered = (rows: Selecting, order: PeopleOrder, descending: boolean): Selecting => {
  const direction = descending ? 'desc' : 'asc'
  return rows
    .orderBy((of) => ORDERS[order](of as unknown as Ordering), direction)
    .orderBy('a.name', order === 'name' || order === 'creation_ts' ? direction : 'asc')
}

const pageBy = (order: PeopleOrder, descending: boolean): Query<PageParams, { readonly user_number: number }> =>
  query((db, param: PageParams, lists) =>
    ordered(accountsIn(db, param, lists), order, descending)
      .select('a.user_number')
      .limit(param.limit)
      .offset(param.offset),
  )

const pages = new Map<string, Query<PageParams, { readonly user_number: number }>>()
const pageOf = ({ order, descending }: Pick<PeoplePage, 'order' | 'descending'>) => {
  const key = `${order} ${descending}`
  const made = pages.get(key) ?? pageBy(order, descending)
  pages.set(key, made)
  return made
}

const counted = query((db, param: FilterParams, lists) =>
  accountsIn(db, param, lists).select((of) => of.fn.countAll<number>().as('people')),
)

const COLUMNS = [
  'a.user_number',
  'a.name',
  'a.guest',
  'a.admin',
  'a.user_type',
  'a.deactivated_ms',
  'a.erased',
  'a.shadow_banned',
  'a.locked_ms',
  'a.suspended_ms',
  'a.awaits_approval',
  'a.created_ms',
] as const

const described = (db: Kysely<PeopleTables>) =>
  db
    .selectFrom('accounts as a')
    .leftJoin('profile_fields as n', (on) =>
      on.onRef('n.user_number', '=', 'a.user_number').on('n.key', '=', sql.lit('displayname')),
    )
    .leftJoin('profile_fields as v', (on) =>
      on.onRef('v.user_number', '=', 'a.user_number').on('v.key', '=', sql.lit('avatar_url')),
    )
    .select(COLUMNS)
    .select(['n.value_json as name_json', 'v.value_json as avatar_json'])
    .select((of) =>
      of
        .selectFrom('devices as d')
        .select((seen) => seen.fn.max<number | null>('d.seen_ms').as('at'))
        .whereRef('d.user_number', '=', 'a.user_number')
        .as('seen_ms'),
    )

const rowsOf = query((db, param: { users: readonly number[] }, { integers }) =>
  described(db).where('a.user_number', 'in', integers(param.users)),
)
const rowOf = query((db, param: { userId: string }) => described(db).where('a.name', '=', param.userId))

interface Row {
  readonly user_number: number
  readonly name: string
  readonly guest: number
  readonly admin: number
  readonly user_type: string | null
  readonly deactivated_ms: number | null
  readonly erased: number
  readonly shadow_banned: number
  readonly locked_ms: number | null
  readonly suspended_ms: number | null
  readonly awaits_approval: number
  readonly created_ms: number
  readonly name_json: string | null
  readonly avatar_json: string | null
  readonly seen_ms: number | null
}

const textIn = (json: string | null): string | undefined => {
  const value: unknown = json === null ? undefined : JSON.parse(json)
  return typeof value === 'string' ? value : undefined
}

const toPerson = (row: Row): PersonRow => ({
  user: row.user_number,
  userId: row.name as UserId,
  displayName: textIn(row.name_json),
  avatarUrl: textIn(row.avatar_json),
  guest: row.guest === 1,
  admin: row.admin === 1,
  userType: row.user_type ?? undefined,
  deactivated: row.deactivated_ms !== null,
  erased: row.erased > 0,
  shadowBanned: row.shadow_banned === 1,
  locked: row.locked_ms !== null,
  suspended: row.suspended_ms !== null,
  awaitsApproval: row.awaits_approval === 1,
  createdAtMs: row.created_ms,
  lastSeenAtMs: row.seen_ms === null ? undefined : Number(row.seen_ms),
})

const pattern = (text: string | undefined): string =>
  text === undefined || text === '' ? '%' : `%${text.replaceAll(/[!%_]/g, '!$&')}%`
const flag = (wanted: boolean | undefined): number => (wanted === undefined ? -1 : Number(wanted))

const paramsOf = (filter: PeopleFilter): FilterParams => ({
  named: pattern(filter.named === undefined ? undefined : foldName(filter.named)),
  id: pattern(filter.id?.toLowerCase()),
  guests: flag(filter.guests),
  admins: flag(filter.admins),
  deactivated: flag(filter.deactivated),
  locked: flag(filter.locked),
  notTypes: [NO_TYPE, ...(filter.notTypes ?? [])],
})

export const peopleReader = (db: Db): PeopleReader => ({
  people: async (page) => {
    const { offset, limit } = page
    const found = await db.longAll(pageOf(page), { ...paramsOf(page), offset, limit })
    const users = found.map(({ user_number: user }) => user)
    if (users.length === 0) return []
    const rows = new Map((await db.longAll(rowsOf, { users })).map((row) => [row.user_number, toPerson(row)]))
    return users.flatMap((user) => rows.get(user) ?? [])
  },
  countPeople: async (filter) => Number((await db.longAll(counted, paramsOf(filter)))[0]?.people ?? 0),
  person: async (userId) => {
    const row = await db.first(rowOf, { userId })
    return row === undefined ? undefined : toPerson(row)
  },
})
