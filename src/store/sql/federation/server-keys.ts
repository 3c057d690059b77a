import type { ServerName } from '#spec'
import type { ServerKeyRecord, ServerKeysReader, ServerKeysWriter } from '../../ports/federation/server-keys.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'

interface ServerKeyTables {
  readonly server_keys: {
    readonly server: ServerName
    readonly key_id: string
    readonly public_key: string
    readonly valid_until_ms: number
    readonly expired: number
    readonly answer_json: string
  }
}

const query = queriesOver<ServerKeyTables>()

const keysOf = query((db, param: { server: ServerName }) =>
  db
    .selectFrom('server_keys')
    .select(['key_id', 'public_key', 'valid_until_ms', 'expired', 'answer_json'])
    .where('server', '=', param.server),
)
type Row = Omit<ServerKeyRecord, 'expired'> & { readonly expired: number }
const putKey = query((db, param: Row) =>
  db
    .insertInto('server_keys')
    .values({
      server: param.server,
      key_id: param.keyId,
      public_key: param.publicKey,
      valid_until_ms: param.validUntilMs,
      expired: param.expired,
      answer_json: param.answerJson,
    })
    .onConflict((on) =>
      on
        .columns(['server', 'key_id'])
        .doUpdateSet({
          valid_until_ms: param.validUntilMs,
          expired: param.expired,
          answer_json: param.answerJson,
        })
        .where('server_keys.public_key', '=', param.publicKey),
    ),
)

const put = defineWrite('serverKeys.put', async (tx, keys: readonly ServerKeyRecord[]): Promise<void> => {
  for (const key of keys) await tx.run(putKey, { ...key, expired: key.expired ? 1 : 0 })
})

export const serverKeyWrites = [put]

export const serverKeysWriter: ServerKeysWriter = { put }

export const serverKeysReader = (db: Db): ServerKeysReader => ({
  serverKeys: async (server) =>
    (await db.all(keysOf, { server })).map((row) => ({
      server,
      keyId: row.key_id,
      publicKey: row.public_key,
      validUntilMs: row.valid_until_ms,
      expired: row.expired === 1,
      answerJson: row.answer_json,
    })),
})
