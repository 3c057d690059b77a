import type { SigningKeyRecord, SigningKeysReader, SigningKeysWriter } from '../../ports/processes/signing-keys.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { ProcessTables } from './tables.ts'

const query = queriesOver<ProcessTables>()

const theKey = query((db) => db.selectFrom('signing_keys').select(['key_id', 'public_key', 'seed']))
const insertKey = insertInto(
  'signing_keys',
  { place: 'integer', key_id: 'text', public_key: 'text', seed: 'text?' },
  { ifExists: 'signing-key-exists' },
)

const add = defineWrite('signingKeys.add', async (tx, key: SigningKeyRecord): Promise<void> => {
  const { keyId, publicKey, seed = null } = key
  await tx.insertMany(insertKey, [{ place: 1, key_id: keyId, public_key: publicKey, seed }])
})

export const signingKeyWrites = [add]

export const signingKeysWriter: SigningKeysWriter = { add }

export const signingKeysReader = (db: Db): SigningKeysReader => ({
  signingKey: async () => {
    const row = await db.first(theKey, {})
    return row === undefined ? undefined : { keyId: row.key_id, publicKey: row.public_key, seed: row.seed ?? undefined }
  },
})
