import { parseVerifyKey } from '#rules'

/** One signature to check. */
export interface SignatureToCheck {
  /** 32 bytes in unpadded Base64. */
  readonly publicKey: string
  readonly text: string
  readonly signature: string
}

/** One answer a signature. */
export const checkSignatures = (signatures: readonly SignatureToCheck[]): readonly boolean[] => {
  const keys = new Map<string, ReturnType<typeof parseVerifyKey>>()
  return signatures.map(({ publicKey, text, signature }) => {
    const key = keys.get(publicKey) ?? parseVerifyKey(publicKey)
    keys.set(publicKey, key)
    return key?.verify(text, signature) === true
  })
}
