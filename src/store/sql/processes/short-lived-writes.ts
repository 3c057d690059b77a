import type { Kysely } from 'kysely'
import type {
  ShortLivedKey,
  ShortLivedKind,
  ShortLivedRow,
  ShortLivedWriter,
} from '../../ports/processes/short-lived.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'
import type { ProcessTables } from './tables.ts'

const query = queriesOver<ProcessTables>()

type Row = Omit<ShortLivedRow, 'kind'> & { readonly kind: string }

/** More than a table of this kind ever holds: SQLite takes no `offset` without a limit. */
const ALL = Number.MAX_SAFE_INTEGER

const insert = (db: Kysely<ProcessTables>, { kind, key, owner, body, expiresAtMs }: Row) =>
  db.insertInto('short_lived').values({ kind, key, owner, body, expires_ms: expiresAtMs })

const putRow = query((db, param: Row) =>
  insert(db, param).onConflict((on) =>
    on.columns(['kind', 'key']).doUpdateSet({ owner: param.owner, body: param.body, expires_ms: param.expiresAtMs }),
  ),
)
const addRow = query((db, param: Row & { nowMs: number }) =>
  insert(db, param).onConflict((on) =>
    on
      .columns(['kind', 'key'])
      .doUpdateSet({ owner: param.owner, body: param.body, expires_ms: param.expiresAtMs })
      .where('short_lived.expires_ms', '<=', param.nowMs),
  ),
)
const replaceRow = query((db, param: Row & { before: string }) =>
  db
    .updateTable('short_lived')
    .set({ owner: param.owner, body: param.body, expires_ms: param.expiresAtMs })
    .where('kind', '=', param.kind)
    .where('key', '=', param.key)
    .where('body', '=', param.before),
)
const takeRow = query((db, param: { kind: string; key: string; nowMs: number }) =>
  db
    .deleteFrom('short_lived')
    .where('kind', '=', param.kind)
    .where('key', '=', param.key)
    .where('expires_ms', '>', param.nowMs)
    .returning(['owner', 'body', 'expires_ms as expiresAtMs']),
)
const deleteOwned = query((db, param: { kind: string; owner: string }) =>
  db.deleteFrom('short_lived').where('kind', '=', param.kind).where('owner', '=', param.owner),
)
const deleteBeyondOfOwner = query((db, param: { kind: string; owner: string; keep: number }) =>
  db
    .deleteFrom('short_lived')
    .where('kind', '=', param.kind)
    .where('key', 'in', (of) =>
      of
        .selectFrom('short_lived as row')
        .select('row.key')
        .where('row.kind', '=', param.kind)
        .where('row.owner', '=', param.owner)
        .orderBy('row.expires_ms', 'desc')
        .limit(ALL)
        .offset(param.keep),
    ),
)
const deleteBeyond = query((db, param: { kind: string; keep: number }) =>
  db
    .deleteFrom('short_lived')
    .where('kind', '=', param.kind)
    .where('key', 'in', (of) =>
      of
        .selectFrom('short_lived as row')
        .select('row.key')
        .where('row.kind', '=', param.kind)
        .orderBy('row.expires_ms', 'desc')
        .limit(ALL)
        .offset(param.keep),
    ),
)
const deleteExpired = query((db, param: { kind: string; nowMs: number; limit: number }) =>
  db
    .deleteFrom('short_lived')
    .where('kind', '=', param.kind)
    .where('key', 'in', (of) =>
      of
        .selectFrom('short_lived as row')
        .select('row.key')
        .where('row.kind', '=', param.kind)
        .where('row.expires_ms', '<=', param.nowMs)
        .limit(param.limit),
    ),
)

const put = defineWrite('shortLived.put', async (tx, input: { row: ShortLivedRow; keep: number }): Promise<void> => {
  const { row, keep } = input
  await tx.run(putRow, row)
  if (row.owner !== '') await tx.run(deleteBeyondOfOwner, { kind: row.kind, owner: row.owner, keep })
})

const add = defineWrite(
  'shortLived.add',
  async (tx, { row, nowMs }: { row: ShortLivedRow; nowMs: number }): Promise<boolean> =>
    (await tx.run(addRow, { ...row, nowMs })) > 0,
)

const replace = defineWrite(
  'shortLived.replace',
  async (tx, { row, before }: { row: ShortLivedRow; before: string }): Promise<boolean> =>
    (await tx.run(replaceRow, { ...row, before })) > 0,
)

const take = defineWrite(
  'shortLived.take',
  async (tx, { kind, key, nowMs }: ShortLivedKey & { nowMs: number }): Promise<ShortLivedRow | undefined> => {
    const row = await tx.first(takeRow, { kind, key, nowMs })
    return row === undefined ? undefined : { kind, key, ...row }
  },
)

const removeOwned = defineWrite(
  'shortLived.removeOwned',
  async (tx, input: { kind: ShortLivedKind; owner: string }): Promise<void> => {
    await tx.run(deleteOwned, input)
  },
)

const trim = defineWrite(
  'shortLived.trim',
  async (tx, input: { kind: ShortLivedKind; keep: number }): Promise<void> => {
    await tx.run(deleteBeyond, input)
  },
)

const dropExpired = defineWrite(
  'shortLived.dropExpired',
  (tx, input: { kind: ShortLivedKind; nowMs: number; limit: number }): Promise<number> => tx.run(deleteExpired, input),
)

export const shortLivedWrites = [put, add, replace, take, removeOwned, trim, dropExpired]

export const shortLivedWriter: ShortLivedWriter = {
  put: (row, keep) => put({ row, keep }),
  add: (row, nowMs) => add({ row, nowMs }),
  replace: (row, before) => replace({ row, before }),
  take: ({ kind, key }, nowMs) => take({ kind, key, nowMs }),
  removeOwned: (kind, owner) => removeOwned({ kind, owner }),
  trim: (kind, keep) => trim({ kind, keep }),
  dropExpired: (kind, nowMs, limit) => dropExpired({ kind, nowMs, limit }),
}
