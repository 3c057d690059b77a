import type { UserNumber } from '../../ports/rooms/events.ts'
import type { Tx } from '../engine/index.ts'
import { query } from './cross-signing-tables.ts'

const deleteOn = query((db, param: { user: UserNumber; keys: readonly string[] }, { texts }) =>
  db.deleteFrom('key_signatures').where('target_user', '=', param.user).where('target_key', 'in', texts(param.keys)),
)
const deleteBy = query((db, param: { user: UserNumber; keyIds: readonly string[] }, { texts }) =>
  db.deleteFrom('key_signatures').where('signer', '=', param.user).where('signer_key', 'in', texts(param.keyIds)),
)

/** Removes the signatures on and by keys of a user that go: ids of devices, or public keys of cross-signing. */
export const removeSignatures = async (tx: Tx, user: UserNumber, keys: readonly string[]): Promise<void> => {
  if (keys.length === 0) return
  await tx.run(deleteOn, { user, keys })
  await tx.run(deleteBy, { user, keyIds: keys.map((key) => `ed25519:${key}`) })
}
