import { identiconPicture } from './identicon-picture.ts'

const MAX_SIDE = 256
const MIN_SIDE = 16
const DEFAULT_SIDE = 96

/**
 * A picture of a text as PNG, always the same for the same text: clients of 2015 show it for users without an avatar. It is in no release of the
 * specification, and no document says how it looks. A square within the size, 16 to 256 pixels a side, 96 by default.
 */
export const identiconOf = (text: string, width: number | undefined, height: number | undefined): Uint8Array => {
  const wanted = Math.min(width ?? height ?? DEFAULT_SIDE, height ?? width ?? DEFAULT_SIDE)
  return identiconPicture(text, Math.min(MAX_SIDE, Math.max(MIN_SIDE, wanted)))
}
