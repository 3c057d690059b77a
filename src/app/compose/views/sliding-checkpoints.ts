import type { ShortLivedTables } from '#store'
import type { Checkpoint, Checkpoints } from '#views'

/** Longer than a position is used without a rewrite of its checkpoint. */
const LIFETIME_MS = 60 * 24 * 3600 * 1000
/** Two for each connection, and more only where somebody is in tens of thousands of rooms. */
const OF_DEVICE = 60
const IN_ALL = 2_000_000
/** Characters of one row, well below what a row may have. */
const ROW_LENGTH = 40_000

interface Row {
  readonly run: number
  readonly number: number
  readonly writtenAtMs: number
  readonly part: string
  /** The number of rows of the checkpoint. */
  readonly rows: number
}

/** Keeps checkpoints of connections in the database, each in a row or in several. */
export const checkpointsIn = (shortLived: ShortLivedTables): Checkpoints => {
  const limits = { lifetimeMs: LIFETIME_MS, rowsOfOwner: OF_DEVICE, rows: IN_ALL }
  const table = shortLived.table<Row>('sliding-checkpoint', limits)
  const idOf = (id: string, index: number): string => (index === 0 ? id : `${index} ${id}`)
  return {
    find: async (id) => {
      const first = await table.find(id)
      if (first === undefined) return undefined
      const parts = [first.part]
      for (let index = 1; index < first.rows; index++) {
        const next = await table.find(idOf(id, index))
        if (next?.run !== first.run || next.number !== first.number) return undefined
        parts.push(next.part)
      }
      const { run, number, writtenAtMs } = first
      return { run, number, writtenAtMs, packed: parts.join('') }
    },
    put: async (id, { packed, ...checkpoint }: Checkpoint, device) => {
      const rows = Math.max(1, Math.ceil(packed.length / ROW_LENGTH))
      for (let index = rows - 1; index >= 0; index--) {
        const part = packed.slice(index * ROW_LENGTH, (index + 1) * ROW_LENGTH)
        await table.put({ ...checkpoint, part, rows }, { id: idOf(id, index), owner: String(device) })
      }
    },
  }
}
