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

export const shortLivedReader = (db: Db): ShortLivedReader => ({
  find: async ({ kind, key }: ShortLivedKey, nowMs) => {
    const row = await db.first(find, { kind, key, nowMs })
    return row === undefined ? undefined : { kind, key, ...row }
  },
})
