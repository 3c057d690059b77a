import {
  type Compilable,
  type Dialect,
  DummyDriver,
  type Expression,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import { UnstorableText } from '../../ports/engine/faults.ts'

export type DialectName = 'sqlite' | 'postgres'
export type Value = string | number | null | readonly string[] | readonly number[]

/** A query in one dialect's SQL, with the order of its parameters. */
export interface Statement {
  readonly sql: string
  /** Names the prepared statement on PostgreSQL. */
  readonly name: string
  readonly writes: boolean
  /** Tables that the statement reads or writes. */
  readonly tables: ReadonlySet<string>
  bind(params: unknown): Value[]
}

declare const types: unique symbol
/** A query that is compiled once for each dialect and then only bound: see `queriesOver`. */
export interface Query<Params, Row> {
  statement(dialect: DialectName): Statement
  readonly [types]?: (params: Params) => Row
}

/** For `where(column, 'in', texts(param.ids))`: one parameter however long the list. */
export interface Lists {
  texts<Text extends string>(list: readonly Text[]): Expression<Text>
  integers(list: readonly number[]): Expression<number>
}

/** Stands for a parameter while a query is built. */
class Marker {
  readonly key: string
  readonly list: boolean

  constructor(key: string, list = false) {
    this.key = key
    this.list = list
  }
}

const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  sqlite: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
  postgres: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
}

const asList = (list: unknown): Marker => {
  if (!(list instanceof Marker)) throw new TypeError('a list must be a parameter of its query')
  return new Marker(list.key, true)
}

const LISTS: Readonly<Record<DialectName, Lists>> = {
  sqlite: {
    texts: <Text extends string>(list: readonly Text[]) => sql<Text>`(select value from json_each(${asList(list)}))`,
    integers: (list) => sql<number>`(select value from json_each(${asList(list)}))`,
  },
  postgres: {
    texts: <Text extends string>(list: readonly Text[]) => sql<Text>`(select unnest(${asList(list)}::text[]))`,
    integers: (list) => sql<number>`(select unnest(${asList(list)}::bigint[]))`,
  },
}

/** Converts a value to what both drivers accept: no boolean, no undefined, no U+0000. */
export const toValue = (value: unknown): Value => {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new UnstorableText()
    return value
  }
  if (typeof value === 'number') return value
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  throw new TypeError(`cannot store a value of type ${typeof value}`)
}

const toList = (value: unknown, dialect: DialectName): Value => {
  if (!Array.isArray(value)) throw new TypeError('a list parameter must be an array')
  const list: unknown[] = value
  const checked = list.map(toValue)
  return dialect === 'sqlite' ? JSON.stringify(checked) : (checked as string[] | number[])
}

/** Every table that a compiled query names anywhere. Tables in raw `sql` fragments are not found, so such fragments must name none. */
const tablesIn = (node: unknown, found = new Set<string>()): Set<string> => {
  if (typeof node !== 'object' || node === null) return found
  const { kind, table } = node as {
    readonly kind?: unknown
    readonly table?: { readonly identifier?: { readonly name?: unknown } }
  }
  if (kind === 'TableNode' && typeof table?.identifier?.name === 'string') found.add(table.identifier.name)
  for (const member of Object.values(node)) tablesIn(member, found)
  return found
}

let statements = 0

const compile = (
  dialect: DialectName,
  build: (db: Kysely<never>, param: never, lists: Lists) => Compilable,
): Statement => {
  const param = new Proxy({}, { get: (_, key) => new Marker(String(key)) })
  const compiled = build(new Kysely<never>({ dialect: DIALECTS[dialect] }), param as never, LISTS[dialect])
  const { query, sql: text, parameters } = compiled.compile()
  const binders = parameters.map((parameter) => {
    if (!(parameter instanceof Marker)) return () => toValue(parameter)
    const { key, list } = parameter
    return list
      ? (params: Record<string, unknown>) => toList(params[key], dialect)
      : (params: Record<string, unknown>) => toValue(params[key])
  })
  return {
    sql: text,
    name: `homeroom_${statements++}`,
    writes: !/^\s*(select|with)\b/i.test(text),
    tables: tablesIn(query),
    bind: (params) => binders.map((binder) => binder(params as Record<string, unknown>)),
  }
}

/**
 * Makes queries over some tables. The callback runs once for each dialect, and `param` is only a placeholder: a
 * parameter may be used as a value and in `texts` or `integers`, but its value cannot be read.
 *
 *     const query = queriesOver<RoomTables>()
 *     const roomOf = query((db, param: { roomId: string }) =>
 *       db.selectFrom('rooms').select('room').where('room_id', '=', param.roomId))
 *     await db.first(roomOf, { roomId })   // { room: number } | undefined
 */
export const queriesOver =
  <Tables>() =>
  <Params, Row>(build: (db: Kysely<Tables>, param: Params, lists: Lists) => Compilable<Row>): Query<Params, Row> => {
    const compiled: Partial<Record<DialectName, Statement>> = {}
    return {
      statement: (dialect) => {
        compiled[dialect] ??= compile(dialect, build as never)
        return compiled[dialect]
      },
    }
  }

/** A query whose two dialects have nothing in common. Both take the same parameters and answer with the same rows. */
export const perDialect = <Params, Row>(
  queries: Readonly<Record<DialectName, Query<Params, Row>>>,
): Query<Params, Row> => ({ statement: (dialect) => queries[dialect].statement(dialect) })

export type ColumnKind = 'integer' | 'text' | 'integer?' | 'text?'
type ColumnValue<Kind extends ColumnKind> =
  | (Kind extends `integer${string}` ? number : string)
  | (Kind extends `${string}?` ? null : never)
export type RowOf<Columns extends Readonly<Record<string, ColumnKind>>> = {
  readonly [Name in keyof Columns]: ColumnValue<Columns[Name]>
}

/** An insert of any number of rows: one statement on PostgreSQL, a prepared loop on SQLite unless it is asked for one statement. */
export interface Insert<Row> {
  readonly table: string
  /** The kind of conflict that an existing row means; undefined: a fault of ours. */
  conflictKind(violation: string): string | undefined
  statement(dialect: DialectName): Statement
  bind(dialect: DialectName, rows: readonly Row[]): Value[][]
  readonly [types]?: (row: Row) => void
}

/** The rows an insert takes. */
export type InsertRow<Of> = Of extends Insert<infer Row> ? Row : never

/**
 * The kind of `WriteConflict` that an existing row means; if there are several constraints, a kind for each by the name of one of its
 * columns. `'ignore'` skips such rows.
 */
type IfExists = string | Readonly<Record<string, string>>

interface InsertOptions {
  readonly ifExists?: IfExists
  /** For tables whose triggers write into a full-text index: at each statement SQLite writes out what such an index gathers, which is most of the cost of a row. */
  readonly inOneStatement?: boolean
}

const insertSql = (
  dialect: DialectName,
  table: string,
  columns: readonly (readonly [string, ColumnKind])[],
  { ifExists, inOneStatement = false }: InsertOptions,
): string => {
  const names = columns.map(([name]) => `"${name}"`).join(', ')
  const ignore = ifExists === 'ignore' ? ' on conflict do nothing' : ''
  if (dialect === 'sqlite' && inOneStatement) {
    const values = columns.map((_, index) => `value ->> ${index}`).join(', ')
    // Without a condition SQLite takes the conflict's clause for one of a join.
    return `insert into "${table}" (${names}) select ${values} from json_each(?) where true${ignore}`
  }
  if (dialect === 'sqlite') {
    return `insert into "${table}" (${names}) values (${columns.map(() => '?').join(', ')})${ignore}`
  }
  const arrays = columns.map(([, kind], index) => `$${index + 1}::${kind.startsWith('integer') ? 'bigint' : 'text'}[]`)
  return `insert into "${table}" (${names}) select * from unnest(${arrays.join(', ')})${ignore}`
}

/**
 *     const insertAlias = insertInto('aliases', { alias: 'text', room: 'integer' }, { ifExists: 'alias-exists' })
 *     await tx.insertMany(insertAlias, [{ alias, room }])
 */
export const insertInto = <const Columns extends Readonly<Record<string, ColumnKind>>>(
  table: string,
  columns: Columns,
  options: InsertOptions = {},
): Insert<RowOf<Columns>> => {
  const entries: readonly (readonly [string, ColumnKind])[] = Object.entries(columns)
  const compiled: Partial<Record<DialectName, Statement>> = {}
  return {
    table,
    conflictKind: (violation) => {
      const { ifExists } = options
      if (ifExists === undefined || typeof ifExists === 'string') return ifExists
      return Object.entries(ifExists).find(([column]) => violation.includes(column))?.[1]
    },
    statement: (dialect) => {
      compiled[dialect] ??= {
        sql: insertSql(dialect, table, entries, options),
        name: `homeroom_${statements++}`,
        writes: true,
        tables: new Set([table]),
        bind: () => [],
      }
      return compiled[dialect]
    },
    /** SQLite: one list of values for each row, or a single text for all of them. PostgreSQL: a single list, of one array for each column. */
    bind: (dialect, rows) => {
      const cells: readonly Readonly<Record<string, unknown>>[] = rows
      if (dialect === 'sqlite') {
        const lists = cells.map((row) => entries.map(([name]) => toValue(row[name])))
        return options.inOneStatement === true ? [[JSON.stringify(lists)]] : lists
      }
      return [entries.map(([name]) => cells.map((row) => toValue(row[name])) as string[])]
    },
  }
}
