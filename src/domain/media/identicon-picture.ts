import { hash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'

/** Cells a side; the right half mirrors the left one. */
const CELLS = 5
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const GROUND = [0xf0, 0xf0, 0xf0] as const

/**
 * A square PNG of five by five cells in one colour, both from a hash of the text. It has two colours and so one bit a pixel: the largest costs a
 * tenth of a millisecond.
 */
export const identiconPicture = (text: string, side: number): Uint8Array => {
  const digest = hash('sha256', text, 'buffer')
  const cell = Math.floor(side / (CELLS + 1))
  const margin = Math.floor((side - cell * CELLS) / 2)
  const rowBytes = 1 + Math.ceil(side / 8)
  const pixels = Buffer.alloc(rowBytes * side)
  for (let row = 0; row < CELLS; row++) {
    const first = margin + row * cell
    const line = pixels.subarray(first * rowBytes, (first + 1) * rowBytes)
    for (let column = 0; column < CELLS; column++) {
      if (!isInked(digest, row, Math.min(column, CELLS - 1 - column))) continue
      // The first byte of a row names its filter: none.
      for (let x = margin + column * cell; x < margin + (column + 1) * cell; x++)
        line[1 + (x >> 3)] = (line[1 + (x >> 3)] ?? 0) | (0x80 >> (x & 7))
    }
    for (let y = first + 1; y < first + cell; y++) line.copy(pixels, y * rowBytes)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  // One bit a pixel, colours by palette.
  header.writeUInt8(1, 8)
  header.writeUInt8(3, 9)
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from([...GROUND, ...inkOf(digest)])),
    chunk('IDAT', deflateSync(pixels, { level: 6 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const isInked = (digest: Buffer, row: number, column: number): boolean => ((digest[row * 3 + column] ?? 0) & 1) === 1

/** A colour of middle lightness: each hue is told from the ground, in light and in dark surroundings. */
const inkOf = (digest: Buffer): readonly number[] => {
  const hue = (((digest[30] ?? 0) << 8) | (digest[31] ?? 0)) % 360
  return [0, 8, 4].map((offset) => {
    const k = (offset + hue / 30) % 12
    return Math.round(255 * (0.45 - 0.3 * Math.max(-1, Math.min(k - 3, 9 - k, 1))))
  })
}

/** PNG, third edition, section 5.3. */
const chunk = (type: string, data: Buffer): Buffer => {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const whole = Buffer.alloc(named.length + 8)
  whole.writeUInt32BE(data.length, 0)
  named.copy(whole, 4)
  whole.writeUInt32BE(crc32(named), named.length + 4)
  return whole
}
