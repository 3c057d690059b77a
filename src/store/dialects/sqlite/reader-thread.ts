import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import { SqliteFile } from './file.ts'
import type { FromReader, ReaderData, ToReader } from './thread-messages.ts'

/** A thread for long reads and checkpoints; each of the two has its own connection, opened when first needed. */
const start = (port: MessagePort, { reading, checkpointing }: ReaderData): void => {
  let reads: SqliteFile | undefined
  let checkpoints: SqliteFile | undefined
  const execute = (ask: ToReader): readonly unknown[] => {
    if (ask.kind === 'rows') {
      reads ??= new SqliteFile(reading)
      return reads.execute(ask.sql, ask.values).rows
    }
    checkpoints ??= new SqliteFile(checkpointing)
    // Passive: it stops before a reader or the writer would have to wait.
    return checkpoints.execute('pragma wal_checkpoint(passive)', []).rows
  }
  const answer = (ask: ToReader): FromReader => {
    const { id } = ask
    try {
      return { id, kind: 'rows', rows: execute(ask) }
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        reads?.close()
        checkpoints?.close()
        reads = undefined
        checkpoints = undefined
        return { id, kind: 'unavailable', reason: error.reason, detail: error.detail }
      }
      return { id, kind: 'failed', message: error instanceof Error ? error.message : String(error) }
    }
  }
  port.on('message', (ask: ToReader) => port.postMessage(answer(ask)))
  port.on('close', () => {
    reads?.close()
    checkpoints?.close()
  })
}

if (parentPort === null) throw new Error('this file is a thread of the store')
start(parentPort, workerData as ReaderData)
