import type { Random } from '#base'
import type { Dice } from '../crash/dice.ts'

const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const ALPHANUMERIC = `${CAPITALS}abcdefghijklmnopqrstuvwxyz0123456789`

/** Random values that a seed repeats. */
export const seededRandom = (dice: Dice): Random => {
  const text = (alphabet: string, length: number): string =>
    Array.from({ length }, () => alphabet[dice.between(0, alphabet.length - 1)]).join('')
  return {
    token: (length) => text(ALPHANUMERIC, length),
    letters: (length) => text(CAPITALS, length),
    bytes: (length) => Uint8Array.from({ length }, () => dice.between(0, 255)),
  }
}
