import type {
  CrossSigningKeyRecord,
  CrossSigningWriter,
  NewCrossSigningKeys,
  VerifiedSignature,
} from '../../ports/encryption/cross-signing.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, insertInto, type Tx } from '../engine/index.ts'
import { query } from './cross-signing-tables.ts'
import { CROSS_SIGNING, DEVICE_LISTS, recordChange, recordChangesFor } from './device-list-rows.ts'
import { removeSignatures } from './signature-removal.ts'

const keysOf = query((db, param: { user: UserNumber }) =>
  db.selectFrom('cross_signing_keys').select(['usage', 'public_key', 'key_json']).where('user_number', '=', param.user),
)
const upsertKey = query((db, param: CrossSigningKeyRecord & { user: UserNumber }) =>
  db
    .insertInto('cross_signing_keys')
    .values({
      user_number: param.user,
      usage: param.usage,
      public_key: param.publicKey,
      key_json: param.keyJson,
    })
    .onConflict((on) =>
      on.columns(['user_number', 'usage']).doUpdateSet({ public_key: param.publicKey, key_json: param.keyJson }),
    ),
)
const storedDevice = query((db, param: { user: UserNumber; key: string }) =>
  db
    .selectFrom('device_keys')
    .select('keys_json')
    .where('user_number', '=', param.user)
    .where('device_id', '=', param.key),
)
const storedKey = query((db, param: { user: UserNumber; key: string }) =>
  db
    .selectFrom('cross_signing_keys')
    .select('key_json')
    .where('user_number', '=', param.user)
    .where('public_key', '=', param.key),
)
const signatureBefore = query(
  (db, param: { target: UserNumber; targetKey: string; signer: UserNumber; signerKey: string }) =>
    db
      .selectFrom('key_signatures')
      .select('signature')
      .where('target_user', '=', param.target)
      .where('target_key', '=', param.targetKey)
      .where('signer', '=', param.signer)
      .where('signer_key', '=', param.signerKey),
)
const deleteSignature = query(
  (db, param: { target: UserNumber; targetKey: string; signer: UserNumber; signerKey: string }) =>
    db
      .deleteFrom('key_signatures')
      .where('target_user', '=', param.target)
      .where('target_key', '=', param.targetKey)
      .where('signer', '=', param.signer)
      .where('signer_key', '=', param.signerKey),
)
const insertSignatures = insertInto('key_signatures', {
  target_user: 'integer',
  target_key: 'text',
  signer: 'integer',
  signer_key: 'text',
  signature: 'text',
})
const deleteKeys = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('cross_signing_keys').where('user_number', '=', param.user),
)
const deleteSignaturesOn = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('key_signatures').where('target_user', '=', param.user),
)
const deleteSignaturesBy = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('key_signatures').where('signer', '=', param.user),
)

const setKeys = defineWrite('crossSigning.setKeys', DEVICE_LISTS, async (tx, input: NewCrossSigningKeys) => {
  const { user, before, keys } = input
  const stored = await tx.all(keysOf, { user })
  const isAsFound =
    stored.length === before.length &&
    stored.every((row) => before.some(({ usage, keyJson }) => usage === row.usage && keyJson === row.key_json))
  if (!isAsFound) throw new WriteConflict('cross-signing-changed')
  const replaced = stored.filter((row) => keys.some(({ usage }) => usage === row.usage))
  await removeSignatures(
    tx,
    user,
    replaced.map((row) => row.public_key),
  )
  for (const key of keys) await tx.run(upsertKey, { ...key, user })
  if (keys.every(({ usage }) => usage === 'user_signing')) await recordChangesFor(tx, user, [user])
  else await recordChange(tx, user, CROSS_SIGNING)
})

/** Whether the key is still the one whose signature was verified. */
const isUnchanged = async (tx: Tx, user: UserNumber, key: string, keyJson: string): Promise<boolean> => {
  const device = await tx.first(storedDevice, { user, key })
  if (device !== undefined) return device.keys_json === keyJson
  return (await tx.first(storedKey, { user, key }))?.key_json === keyJson
}

/** Says that keys of the user have new signatures. */
const recordSigned = async (tx: Tx, user: UserNumber, keys: ReadonlySet<string>): Promise<void> => {
  const devices: string[] = []
  for (const key of keys) if ((await tx.first(storedDevice, { user, key })) !== undefined) devices.push(key)
  const [first, ...more] = devices
  if (first !== undefined) await recordChange(tx, user, more.length === 0 ? first : null)
  if (devices.length < keys.size) await recordChange(tx, user, CROSS_SIGNING)
}

const addSignatures = defineWrite(
  'crossSigning.addSignatures',
  DEVICE_LISTS,
  async (tx, input: { signer: UserNumber; signatures: readonly VerifiedSignature[] }) => {
    const { signer } = input
    const added: { target: UserNumber; targetKey: string; signer: UserNumber; signerKey: string; signature: string }[] =
      []
    for (const { target: targetId, targetKey, signerKey, signature, keyJson } of input.signatures) {
      const target = await tx.userNumber(targetId)
      if (keyJson !== undefined && !(await isUnchanged(tx, target, targetKey, keyJson))) {
        throw new WriteConflict('signed-key-changed')
      }
      const before = await tx.first(signatureBefore, { target, targetKey, signer, signerKey })
      if (before?.signature !== signature) added.push({ target, targetKey, signer, signerKey, signature })
    }
    if (added.length === 0) return
    for (const one of added) await tx.run(deleteSignature, one)
    const rows = added.map((one) => ({
      target_user: one.target,
      target_key: one.targetKey,
      signer,
      signer_key: one.signerKey,
      signature: one.signature,
    }))
    await tx.insertMany(insertSignatures, rows)
    const targets = new Set(added.map(({ target }) => target))
    if (targets.delete(signer)) {
      const keys = added.filter(({ target }) => target === signer).map(({ targetKey }) => targetKey)
      await recordSigned(tx, signer, new Set(keys))
    }
    await recordChangesFor(tx, signer, targets)
  },
)

const removeAll = defineWrite('crossSigning.removeAll', DEVICE_LISTS, async (tx, input: { user: UserNumber }) => {
  await tx.run(deleteSignaturesOn, input)
  await tx.run(deleteSignaturesBy, input)
  if ((await tx.run(deleteKeys, input)) > 0) await recordChange(tx, input.user, CROSS_SIGNING)
})

export const crossSigningWrites = [setKeys, addSignatures, removeAll]

export const crossSigningWriter: CrossSigningWriter = {
  setKeys,
  addSignatures: (signer, signatures) => addSignatures({ signer, signatures }),
  removeAll: (user) => removeAll({ user }),
}
