import type { JsonObject } from '#spec'
import type { NewOAuthClient, OAuthClientsReader, OAuthClientsWriter } from '../../ports/accounts/oauth-clients.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()
const clientOf = query((db, param: { clientId: string }) =>
  db.selectFrom('oauth_clients').selectAll().where('client_id', '=', param.clientId),
)
const clientWith = query((db, param: { hash: string }) =>
  db.selectFrom('oauth_clients').select(['client_id', 'created_ms']).where('metadata_hash', '=', param.hash),
)
const insertClient = insertInto('oauth_clients', {
  client_id: 'text',
  metadata_json: 'text',
  metadata_hash: 'text',
  created_ms: 'integer',
  used_ms: 'integer',
})
const markUsed = query((db, param: { clientIds: readonly string[]; nowMs: number }, { texts }) =>
  db.updateTable('oauth_clients').set({ used_ms: param.nowMs }).where('client_id', 'in', texts(param.clientIds)),
)
const unused = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .selectFrom('oauth_clients')
    .select('client_id')
    .where('used_ms', '<', param.beforeMs)
    .orderBy('used_ms')
    .limit(param.limit),
)
const withSession = query((db, param: { clientIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('devices')
    .select('oauth_client')
    .distinct()
    .where('oauth_client', 'is not', null)
    .where('oauth_client', 'in', texts(param.clientIds)),
)
const deleteClients = query((db, param: { clientIds: readonly string[] }, { texts }) =>
  db.deleteFrom('oauth_clients').where('client_id', 'in', texts(param.clientIds)),
)

const register = defineWrite('oauthClients.register', async (tx, client: NewOAuthClient) => {
  const known = await tx.first(clientWith, { hash: client.metadataHash })
  if (known !== undefined) {
    await tx.run(markUsed, { clientIds: [known.client_id], nowMs: client.createdAtMs })
    return { clientId: known.client_id, createdAtMs: known.created_ms }
  }
  await tx.insertMany(insertClient, [
    {
      client_id: client.clientId,
      metadata_json: JSON.stringify(client.metadata),
      metadata_hash: client.metadataHash,
      created_ms: client.createdAtMs,
      used_ms: client.createdAtMs,
    },
  ])
  return { clientId: client.clientId, createdAtMs: client.createdAtMs }
})

const dropUnused = defineWrite(
  'oauthClients.dropUnused',
  // Sessions begin under this lock, so none begins between the look and the removal.
  ['sessions'],
  async (tx, input: { beforeMs: number; nowMs: number; limit: number }) => {
    const candidates = (await tx.all(unused, input)).map(({ client_id }) => client_id)
    if (candidates.length === 0) return 0
    const used = new Set((await tx.all(withSession, { clientIds: candidates })).map((row) => row.oauth_client))
    const [kept, gone] = [candidates.filter((id) => used.has(id)), candidates.filter((id) => !used.has(id))]
    if (kept.length > 0) await tx.run(markUsed, { clientIds: kept, nowMs: input.nowMs })
    if (gone.length > 0) await tx.run(deleteClients, { clientIds: gone })
    return candidates.length
  },
)

export const oauthClientWrites = [register, dropUnused]

export const oauthClientsWriter: OAuthClientsWriter = {
  register: (client) => register(client),
  dropUnused: (beforeMs, nowMs, limit) => dropUnused({ beforeMs, nowMs, limit }),
}

export const oauthClientsReader = (db: Db): OAuthClientsReader => ({
  oauthClient: async (clientId) => {
    const row = await db.first(clientOf, { clientId })
    if (row === undefined) return undefined
    return {
      clientId: row.client_id,
      metadata: JSON.parse(row.metadata_json) as JsonObject,
      createdAtMs: row.created_ms,
    }
  },
})
