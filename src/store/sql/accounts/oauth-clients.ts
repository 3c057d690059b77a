import type { JsonObject } from '#spec'
import type {
  NewOAuthClient,
  OAuthClientRecord,
  OAuthClientsReader,
  OAuthClientsWriter,
  UnusedOAuthClients,
} from '../../ports/accounts/oauth-clients.ts'
import { type Db, defineWrite, insertInto, queriesOver, type Tx } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()
const clientOf = query((db, param: { clientId: string }) =>
  db.selectFrom('oauth_clients').selectAll().where('client_id', '=', param.clientId),
)
const clientsOf = query((db, param: { clientIds: readonly string[] }, { texts }) =>
  db.selectFrom('oauth_clients').selectAll().where('client_id', 'in', texts(param.clientIds)),
)
const clientWith = query((db, param: { hash: string }) =>
  db.selectFrom('oauth_clients').select(['client_id', 'created_ms', 'used_ms']).where('metadata_hash', '=', param.hash),
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
/** A client with which nobody signed in yet was used when it registered, and not later. */
const registerAgain = query((db, param: { clientId: string; nowMs: number }) =>
  db
    .updateTable('oauth_clients')
    .set({ created_ms: param.nowMs, used_ms: param.nowMs })
    .where('client_id', '=', param.clientId),
)
const unused = query((db, param: Omit<UnusedOAuthClients, 'nowMs'>) =>
  db
    .selectFrom('oauth_clients')
    .select('client_id')
    .where((of) =>
      of.or([
        of('used_ms', '<', param.usedBeforeMs),
        of.and([of('used_ms', '<', param.registeredBeforeMs), of('used_ms', '=', of.ref('created_ms'))]),
      ]),
    )
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

/** Returns whether the client is there; it was used at that time. */
export const useClient = async (tx: Tx, clientId: string, nowMs: number): Promise<boolean> => {
  const client = await tx.first(clientOf, { clientId })
  if (client === undefined) return false
  // Later than the registration, whatever the clock says: that tells that somebody signed in.
  await tx.run(markUsed, { clientIds: [clientId], nowMs: Math.max(nowMs, client.created_ms + 1) })
  return true
}

const register = defineWrite('oauthClients.register', async (tx, client: NewOAuthClient) => {
  const known = await tx.first(clientWith, { hash: client.metadataHash })
  if (known !== undefined) {
    const isUsed = known.used_ms > known.created_ms
    const [clientId, nowMs] = [known.client_id, client.createdAtMs]
    if (isUsed) await tx.run(markUsed, { clientIds: [clientId], nowMs: Math.max(nowMs, known.created_ms + 1) })
    else await tx.run(registerAgain, { clientId, nowMs })
    return { clientId, createdAtMs: isUsed ? known.created_ms : nowMs }
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
  async (tx, input: UnusedOAuthClients) => {
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
  dropUnused: (unusedClients) => dropUnused(unusedClients),
}

const toRecord = (row: AccountTables['oauth_clients']): OAuthClientRecord => ({
  clientId: row.client_id,
  metadata: JSON.parse(row.metadata_json) as JsonObject,
  createdAtMs: row.created_ms,
})

export const oauthClientsReader = (db: Db): OAuthClientsReader => ({
  oauthClient: async (clientId) => {
    const row = await db.first(clientOf, { clientId })
    return row === undefined ? undefined : toRecord(row)
  },
  oauthClients: async (clientIds) =>
    clientIds.length === 0 ? [] : (await db.all(clientsOf, { clientIds })).map(toRecord),
})
