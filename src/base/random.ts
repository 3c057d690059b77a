import { randomBytes, randomInt } from 'node:crypto'

/** Unpredictable values, passed in so that tests can make them repeatable. */
export interface Random {
  /** `length` letters and digits, about 5.95 bits each. */
  token(length: number): string
  /** `length` capital letters, for device ids like those of other homeservers. */
  letters(length: number): string
  bytes(length: number): Uint8Array
}

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

const pick = (alphabet: string, length: number): string => {
  let out = ''
  while (out.length < length) out += alphabet[randomInt(alphabet.length)]
  return out
}

export const systemRandom: Random = {
  token: (length) => pick(ALPHANUMERIC, length),
  letters: (length) => pick(CAPITALS, length),
  bytes: (length) => randomBytes(length),
}
