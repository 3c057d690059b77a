import type { BlockedServer, BlockedServersReader, BlockedServersWriter } from '../../ports/abuse/blocked-servers.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'

interface BlockedServerTables {
  readonly blocked_servers: {
    readonly pattern: string
    readonly reason: string | null
    readonly added_by: string
    readonly added_ms: number
  }
}

const query = queriesOver<BlockedServerTables>()

const all = query((db) =>
  db
    .selectFrom('blocked_servers')
    .select(['pattern', 'reason', 'added_by as addedBy', 'added_ms as addedAtMs'])
    .orderBy('pattern'),
)
const insert = query((db, param: { pattern: string; reason: string | null; addedBy: string; addedAtMs: number }) =>
  db
    .insertInto('blocked_servers')
    .values({ pattern: param.pattern, reason: param.reason, added_by: param.addedBy, added_ms: param.addedAtMs })
    .onConflict((on) => on.column('pattern').doUpdateSet({ reason: param.reason })),
)
const deleteOne = query((db, param: { pattern: string }) =>
  db.deleteFrom('blocked_servers').where('pattern', '=', param.pattern),
)

const add = defineWrite(
  'blockedServers.add',
  async (tx, { server, most }: { server: BlockedServer; most: number }): Promise<void> => {
    const others = (await tx.all(all, {})).filter(({ pattern }) => pattern !== server.pattern)
    if (others.length >= most) throw new WriteConflict('too-many-blocked-servers')
    await tx.run(insert, { ...server, reason: server.reason ?? null })
  },
)
const remove = defineWrite(
  'blockedServers.remove',
  async (tx, input: { pattern: string }): Promise<boolean> => (await tx.run(deleteOne, input)) > 0,
)

export const blockedServerWrites = [add, remove]

export const blockedServersWriter: BlockedServersWriter = {
  add: (server, most) => add({ server, most }),
  remove: (pattern) => remove({ pattern }),
}

export const blockedServersReader = (db: Db): BlockedServersReader => ({
  blockedServers: async () =>
    (await db.all(all, {})).map(({ reason, ...server }) => ({ ...server, reason: reason ?? undefined })),
})
