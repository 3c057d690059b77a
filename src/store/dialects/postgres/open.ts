import { MIGRATIONS } from '../../migrations/index.ts'
import { DURABLE_STREAMS } from '../../ports/engine/change.ts'
import { CommitQueue } from '../../sql/engine/commit-queue.ts'
import { GroupRunner } from '../../sql/engine/group.ts'
import { GroupLoop } from '../../sql/engine/group-loop.ts'
import type { DialectStore, StoreOptions } from '../../sql/engine/store.ts'
import { allWrites } from '../../sql/ports.ts'
import { migrate } from './migrate.ts'
import { PostgresReads } from './reads.ts'
import { PostgresWriteConnection } from './write-connection.ts'

export const openPostgres = async (options: StoreOptions): Promise<DialectStore> => {
  const { url, clock, logger } = options
  const connection = new PostgresWriteConnection(options)
  // Before the migration, which another version that is running would not survive.
  await connection.open()
  try {
    await migrate(url, MIGRATIONS)
  } catch (error) {
    await connection.close()
    throw error
  }
  const loop = new GroupLoop(new GroupRunner(connection, allWrites()), (answer) => queue.settle(answer))
  const queue = new CommitQueue(clock, logger, (submitted) => {
    loop.submit(submitted).catch((error: unknown) => {
      logger.error({ err: error }, 'the writer failed')
      queue.failAll('broken', 'the writer failed')
    })
  })
  // A killed server may have a commit under way: these locks wait until it has ended, before anything is read.
  await connection.begin({ streams: DURABLE_STREAMS, shared: true })
  await connection.rollback()
  const reads = new PostgresReads(url, logger)
  return {
    queue,
    db: reads,
    sizeBytes: () => reads.sizeBytes(),
    close: async () => {
      await connection.close()
      await reads.close()
    },
  }
}
