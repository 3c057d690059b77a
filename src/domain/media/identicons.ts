import { BoundedCache, type CacheStats } from '#base'

/** Larger pictures occupy the event loop for more than a few milliseconds. */
const MAX_SIDE = 256
const MIN_SIDE = 16
const DEFAULT_SIDE = 96

/** PNG. */
export interface Identicon {
  readonly bytes: Uint8Array
  readonly side: number
}

/**
 * Makes a picture from a text, always the same for the same text: clients of 2015 show it for users without an avatar. It is in no release of the
 * specification, and no document says how it looks.
 */
export class Identicons {
  readonly #made = new BoundedCache<string, Identicon>({
    name: 'identicons',
    limitBytes: 1024 * 1024,
    sizeBytes: ({ bytes }, key) => bytes.length + 2 * key.length + 100,
  })

  /** A square within the size, 16 to 256 pixels a side, 96 by default. */
  async identicon(text: string, width: number | undefined, height: number | undefined): Promise<Identicon> {
    const wanted = Math.min(width ?? height ?? DEFAULT_SIDE, height ?? width ?? DEFAULT_SIDE)
    const side = Math.min(MAX_SIDE, Math.max(MIN_SIDE, wanted))
    const key = `${side} ${text}`
    const made = this.#made.get(key)
    if (made !== undefined) return made
    const { toPng } = await import('jdenticon')
    const icon = { bytes: toPng(text, side), side }
    this.#made.set(key, icon)
    return icon
  }

  stats(): CacheStats {
    return this.#made.stats()
  }
}
