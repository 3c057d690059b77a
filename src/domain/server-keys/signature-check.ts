import { contentJson, parseVerifyKey, requestText, type SignedRequest } from '#rules'
import type { JsonValue } from '#spec'

/** One signature to check. */
export interface SignatureToCheck {
  /** 32 bytes in unpadded Base64. */
  readonly publicKey: string
  readonly signature: string
  /** The text that it covers, or the request. */
  readonly covers: string | CoveredRequest
}

/** A request whose body is JSON as it came, in any form. */
export interface CoveredRequest extends Omit<SignedRequest, 'contentJson'> {
  readonly body: string | undefined
}

/** One answer a signature. */
export const checkSignatures = (signatures: readonly SignatureToCheck[]): readonly boolean[] => {
  const keys = new Map<string, ReturnType<typeof parseVerifyKey>>()
  return signatures.map(({ publicKey, covers, signature }) => {
    const key = keys.get(publicKey) ?? parseVerifyKey(publicKey)
    keys.set(publicKey, key)
    const text = typeof covers === 'string' ? covers : coveredText(covers)
    return text !== undefined && key?.verify(text, signature) === true
  })
}

/** The signature covers the JSON that the body was read as, in canonical form, and not the bytes that came. */
const coveredText = ({ body, ...request }: CoveredRequest): string | undefined => {
  if (body === undefined) return requestText({ ...request, contentJson: undefined })
  const content = contentJson(JSON.parse(body) as JsonValue)
  return content.ok ? requestText({ ...request, contentJson: content.value }) : undefined
}
