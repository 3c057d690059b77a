import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { StoreUnavailable } from '../../ports/engine/faults.ts'
import { type FileOptions, SqliteFile } from './file.ts'
import type { FromReader, ToReader } from './thread-messages.ts'

/** The thread for long reads. */
const start = (port: MessagePort, options: FileOptions): void => {
  let file: SqliteFile | undefined
  const answer = ({ id, sql, values }: ToReader): FromReader => {
    try {
      file ??= new SqliteFile(options)
      return { id, kind: 'rows', rows: file.execute(sql, values).rows }
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        file?.close()
        file = undefined
        return { id, kind: 'unavailable', reason: error.reason, detail: error.detail }
      }
      return { id, kind: 'failed', message: error instanceof Error ? error.message : String(error) }
    }
  }
  port.on('message', (ask: ToReader) => port.postMessage(answer(ask)))
  port.on('close', () => file?.close())
}

if (parentPort === null) throw new Error('this file is a thread of the store')
start(parentPort, workerData as FileOptions)
