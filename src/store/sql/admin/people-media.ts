import { type Expression, type Kysely, sql } from 'kysely'
import { foldName } from '#base'
import type { UserId } from '#spec'
import type { MediaUseQuery, PeopleMediaReader } from '../../ports/admin/people-media.ts'
import type { AccountTables } from '../accounts/accounts-tables.ts'
import { type Db, type Query, queriesOver } from '../engine/index.ts'

interface Tables extends AccountTables {
  readonly media: { readonly user_number: number; readonly created_ms: number; readonly sha256: string | null }
  readonly media_files: { readonly sha256: string; readonly size_bytes: number }
  readonly profile_fields: { readonly user_number: number; readonly key: string; readonly value_json: string }
  readonly user_names: { readonly user_number: number; readonly names: string }
}

const query = queriesOver<Tables>()

interface Params {
  readonly sinceMs: number
  readonly untilMs: number
  readonly named: string
}
type PageParams = Params & { readonly limit: number; readonly offset: number }

interface Row {
  readonly name: string
  readonly name_json: string | null
  readonly files: number | string
  readonly bytes: number | string | null
}

const usedBy = (db: Kysely<Tables>, param: Params) =>
  db
    .selectFrom('media as m')
    .innerJoin('media_files as f', 'f.sha256', 'm.sha256')
    .innerJoin('accounts as a', 'a.user_number', 'm.user_number')
    .innerJoin('user_names as n', 'n.user_number', 'm.user_number')
    .leftJoin('profile_fields as p', (on) =>
      on.onRef('p.user_number', '=', 'm.user_number').on('p.key', '=', sql.lit('displayname')),
    )
    .where('m.created_ms', '>=', param.sinceMs)
    .where('m.created_ms', '<=', param.untilMs)
    .where(sql<boolean>`n.names like ${param.named} escape '!'`)
    .groupBy(['a.name', 'p.value_json'])

const ORDERS: Readonly<Record<MediaUseQuery['order'], Expression<unknown>>> = {
  user_id: sql.ref('a.name'),
  displayname: sql`coalesce(p.value_json, '')`,
  media_length: sql`sum(f.size_bytes)`,
  media_count: sql`count(*)`,
}

const pageBy = (order: MediaUseQuery['order'], descending: boolean): Query<PageParams, Row> =>
  query((db, param: PageParams) =>
    usedBy(db, param)
      .select(['a.name', 'p.value_json as name_json'])
      .select([sql<number>`count(*)`.as('files'), sql<number | null>`sum(f.size_bytes)`.as('bytes')])
      .orderBy(ORDERS[order] as Expression<number>, descending ? 'desc' : 'asc')
      .orderBy('a.name')
      .limit(param.limit)
      .offset(param.offset),
  )

const counted = query((db, param: Params) =>
  db.selectFrom(usedBy(db, param).select('a.name').as('users')).select((of) => of.fn.countAll<number>().as('total')),
)

const pages = new Map<string, Query<PageParams, Row>>()
const pageOf = ({ order, descending }: MediaUseQuery): Query<PageParams, Row> => {
  const key = `${order} ${descending}`
  const made = pages.get(key) ?? pageBy(order, descending)
  pages.set(key, made)
  return made
}

const pattern = (text: string | undefined): string =>
  text === undefined || text === '' ? '%' : `%${foldName(text).replaceAll(/[!%_]/g, '!$&')}%`

const textIn = (json: string | null): string | undefined => {
  const value: unknown = json === null ? undefined : JSON.parse(json)
  return typeof value === 'string' ? value : undefined
}

export const peopleMediaReader = (db: Db): PeopleMediaReader => ({
  mediaUse: async (asked) => {
    const { sinceMs, untilMs, limit, offset } = asked
    const params = { sinceMs, untilMs, named: pattern(asked.named) }
    const rows = await db.longAll(pageOf(asked), { ...params, limit, offset })
    const [all] = await db.longAll(counted, params)
    return {
      rows: rows.map((row) => ({
        userId: row.name as UserId,
        displayName: textIn(row.name_json),
        count: Number(row.files),
        sizeBytes: Number(row.bytes ?? 0),
      })),
      total: Number(all?.total ?? 0),
    }
  },
})
