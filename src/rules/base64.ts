/** Unpadded Base64 (appendices, "Unpadded Base64"): the standard alphabet, no `=`. */
export const encodeBase64 = (bytes: Uint8Array): string => withoutPadding(asBuffer(bytes).toString('base64'))

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const withoutPadding = (base64: string): string => {
  if (base64.endsWith('==')) return base64.slice(0, -2)
  return base64.endsWith('=') ? base64.slice(0, -1) : base64
}

const STANDARD_ALPHABET = /^[A-Za-z0-9+/]*={0,2}$/

/** Decodes Base64 with or without padding (appendices); undefined for a text that is no Base64 of the standard alphabet. */
export const decodeBase64 = (text: string): Uint8Array | undefined => {
  if (!STANDARD_ALPHABET.test(text) || withoutPadding(text).length % 4 === 1) return undefined
  return Buffer.from(text, 'base64')
}
