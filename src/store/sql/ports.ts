import type { Db } from './engine/access.ts'
import { type WriteTable, writeTable } from './engine/writes.ts'

/** The readers of every port. A new port adds a line here… */
export const readersOver = (_db: Db) => ({})

/** …its writer here… */
export const writers = {} as const

/** …and its writes here, so that the writing thread knows them. */
export const allWrites = (): WriteTable => writeTable([])

export type Readers = ReturnType<typeof readersOver>
