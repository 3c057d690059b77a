import { type JsonObject, objectAt, type UserId } from '#spec'
import type { CrossSigningKeyRecord, DeviceKeysRecord, KeySignature } from '#store'
import type { UserKeys } from './key-source.ts'

/** A user id has no space. */
export const keyName = (userId: UserId, key: string): string => `${userId} ${key}`

export const signaturesByKey = (signatures: readonly KeySignature[]): ReadonlyMap<string, readonly KeySignature[]> => {
  const byKey = new Map<string, KeySignature[]>()
  for (const signature of signatures) {
    const name = keyName(signature.target, signature.targetKey)
    const held = byKey.get(name)
    if (held === undefined) byKey.set(name, [signature])
    else held.push(signature)
  }
  return byKey
}

/** The keys as they were uploaded, with the signatures uploaded later. `tellsName`: whether the asker is told the name of the device. */
export const deviceKeysText = (
  { keysJson, displayName }: DeviceKeysRecord,
  userId: UserId,
  tellsName: boolean,
  more: readonly KeySignature[] | undefined,
): string => {
  const unsigned = tellsName && displayName !== undefined ? { device_display_name: displayName } : {}
  return JSON.stringify({ ...withSignaturesOf(keysJson, userId, more), unsigned })
}

/** Passes on only the user's own signatures of those that came with the key: nobody has verified the others. */
export const withSignaturesOf = (keyJson: string, userId: UserId, more: readonly KeySignature[] = []): JsonObject => {
  const key = JSON.parse(keyJson) as JsonObject
  const own = objectAt(objectAt(key, 'signatures') ?? {}, userId)
  if (own === undefined && more.length === 0) {
    const { signatures: _, ...rest } = key
    return key.signatures === undefined ? rest : { ...rest, signatures: {} }
  }
  const signatures = new Map<string, JsonObject>(own === undefined ? [] : [[userId, own]])
  for (const { signer, signerKey, signature } of more) {
    signatures.set(signer, { ...signatures.get(signer), [signerKey]: signature })
  }
  return { ...key, signatures: Object.fromEntries(signatures) }
}

export const crossSigningTexts = (
  keys: readonly CrossSigningKeyRecord[],
  isOwn: boolean,
  json: (key: CrossSigningKeyRecord) => string,
): Pick<UserKeys, 'master' | 'selfSigning' | 'userSigning'> => {
  const of = (usage: CrossSigningKeyRecord['usage']): string | undefined => {
    const key = keys.find((candidate) => candidate.usage === usage)
    return key === undefined ? undefined : json(key)
  }
  return {
    master: of('master'),
    selfSigning: of('self_signing'),
    userSigning: isOwn ? of('user_signing') : undefined,
  }
}
