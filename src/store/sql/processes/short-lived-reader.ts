import type { ShortLivedKey, ShortLivedReader } from '../../ports/processes/short-lived.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { ProcessTables } from './tables.ts'

const query = queriesOver<ProcessTables>()

const find = query((db, param: { kind: string; key: string; nowMs: number }) =>
  db
    .selectFrom('short_lived')
    .select(['owner', 'body', 'expires_ms as expiresAtMs'])
    .where('kind', '=', param.kind)
    .where('key', '=', param.key)
    .where('expires_ms', '>', param.nowMs),
)
const owned = query((db, param: { kind: string; owner: string; nowMs: number; limit: number }) =>
  db
    .selectFrom('short_lived')
    .select(['key', 'body', 'expires_ms as expiresAtMs'])
    .where('kind', '=', param.kind)
    .where('owner', '=', param.owner)
    .where('expires_ms', '>', param.nowMs)
    .orderBy('expires_ms', 'desc')
    .limit(param.limit),
)

export const shortLivedReader = (db: Db): ShortLivedReader => ({
  find: async ({ kind, key }: ShortLivedKey, nowMs) => {
    const row = await db.first(find, { kind, key, nowMs })
    return row === undefined ? undefined : { kind, key, ...row }
  },
  owned: async (kind, owner, page) =>
    (await db.all(owned, { kind, owner, ...page })).map((row) => ({ kind, owner, ...row })),
})
