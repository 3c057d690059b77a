import type { UserId } from '#spec'
import type { CrossSigningKeyRecord, CrossSigningReader, KeyUsage } from '../../ports/encryption/cross-signing.ts'
import type { Db } from '../engine/index.ts'
import { query } from './cross-signing-tables.ts'

const keysOf = query((db, param: { userIds: readonly UserId[] }, { texts }) =>
  db
    .selectFrom('users as u')
    .innerJoin('cross_signing_keys as k', 'k.user_number', 'u.user_number')
    .select(['u.user_id', 'k.usage', 'k.public_key', 'k.key_json'])
    .where('u.user_id', 'in', texts(param.userIds)),
)
const signaturesOn = query((db, param: { userIds: readonly UserId[]; asker: UserId }, { texts }) =>
  db
    .selectFrom('users as u')
    .innerJoin('key_signatures as k', 'k.target_user', 'u.user_number')
    .innerJoin('users as s', 's.user_number', 'k.signer')
    .select([
      'u.user_id as target',
      'k.target_key as targetKey',
      's.user_id as signer',
      'k.signer_key as signerKey',
      'k.signature',
    ])
    .where('u.user_id', 'in', texts(param.userIds))
    .where((eb) => eb.or([eb('k.signer', '=', eb.ref('k.target_user')), eb('s.user_id', '=', param.asker)])),
)

/** The keys of more users than these are read off the event loop. */
const FEW_USERS = 20

export const crossSigningReader = (db: Db): CrossSigningReader => ({
  keysOf: async (userIds) => {
    const few = userIds.length <= FEW_USERS
    const rows = few ? await db.all(keysOf, { userIds }) : await db.longAll(keysOf, { userIds })
    const found = new Map<UserId, CrossSigningKeyRecord[]>()
    for (const row of rows) {
      const userId = row.user_id as UserId
      const keys = found.get(userId) ?? []
      found.set(userId, keys)
      keys.push({ usage: row.usage as KeyUsage, publicKey: row.public_key, keyJson: row.key_json })
    }
    return found
  },
  signaturesOn: async (userIds, asker) => {
    const few = userIds.length <= FEW_USERS
    // No user has an empty id.
    const params = { userIds, asker: asker ?? ('' as UserId) }
    const rows = few ? await db.all(signaturesOn, params) : await db.longAll(signaturesOn, params)
    return rows.map((row) => ({ ...row, target: row.target as UserId, signer: row.signer as UserId }))
  },
})
