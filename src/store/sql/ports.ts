import { accountDataReader } from './account-data-reader.ts'
import { accountDataWriter, accountDataWrites } from './account-data-writes.ts'
import type { Db } from './engine/access.ts'
import { type WriteTable, writeTable } from './engine/writes.ts'
import { filtersReader } from './filters-reader.ts'
import { filtersWriter, filterWrites } from './filters-writes.ts'
import { presenceStoreReader } from './presence-reader.ts'
import { presenceStoreWriter, presenceWrites } from './presence-writes.ts'
import { profilesReader } from './profiles-reader.ts'
import { profilesWriter, profileWrites } from './profiles-writes.ts'
import { receiptsReader } from './receipts-reader.ts'
import { receiptsWriter, receiptWrites } from './receipts-writes.ts'

/** The readers of every port. A new port adds a line here… */
export const readersOver = (db: Db) => ({
  accountData: accountDataReader(db),
  filters: filtersReader(db),
  presence: presenceStoreReader(db),
  profiles: profilesReader(db),
  receipts: receiptsReader(db),
})

/** …its writer here… */
export const writers = {
  accountData: accountDataWriter,
  filters: filtersWriter,
  presence: presenceStoreWriter,
  profiles: profilesWriter,
  receipts: receiptsWriter,
} as const

/** …and its writes here, so that the writing thread knows them. */
export const allWrites = (): WriteTable =>
  writeTable([...accountDataWrites, ...filterWrites, ...presenceWrites, ...profileWrites, ...receiptWrites])

export type Readers = ReturnType<typeof readersOver>
