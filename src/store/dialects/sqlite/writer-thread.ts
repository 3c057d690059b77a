import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { MIGRATIONS } from '../../migrations/index.ts'
import { SchemaTooNew, StoreUnavailable } from '../../ports/engine/faults.ts'
import type { GroupAnswer, Submitted } from '../../sql/engine/commit-queue.ts'
import { GroupRunner } from '../../sql/engine/group.ts'
import { GroupLoop } from '../../sql/engine/group-loop.ts'
import { allWrites } from '../../sql/ports.ts'
import { type FileOptions, SqliteFile } from './file.ts'
import { migrate } from './migrate.ts'
import type { FromWriter, ToWriter } from './thread-messages.ts'
import { SqliteWriteConnection } from './write-connection.ts'

/** The thread that owns the writing connection. */
const start = (port: MessagePort, options: FileOptions): void => {
  const tell = (message: FromWriter): void => port.postMessage(message)
  const connection = openMigrated(options, tell)
  if (connection === undefined) {
    port.close()
    return
  }
  let closing = false
  const receive = (): Submitted | undefined => {
    const next: { message: ToWriter } | undefined = receiveMessageOnPort(port)
    if (next?.message.kind === 'close') closing = true
    return next?.message.kind === 'commit' ? next.message.submitted : undefined
  }
  const answer = (group: GroupAnswer): void => tell({ kind: 'answer', answer: group })
  const loop = new GroupLoop(new GroupRunner(connection, allWrites()), answer, receive)
  const closeIfAsked = (): void => {
    if (!closing) return
    connection.close()
    port.close()
  }
  port.on('message', (message: ToWriter) => {
    if (message.kind === 'close') closing = true
    if (message.kind === 'close') closeIfAsked()
    // A throw that gets here is a fault of ours: it ends the thread, and the serving thread starts another.
    else void loop.submit(message.submitted).then(closeIfAsked)
  })
  tell({ kind: 'ready' })
}

const openMigrated = (options: FileOptions, tell: (message: FromWriter) => void): SqliteWriteConnection | undefined => {
  try {
    const file = new SqliteFile(options)
    try {
      migrate(file, MIGRATIONS)
    } finally {
      file.close()
    }
    return new SqliteWriteConnection(() => new SqliteFile(options))
  } catch (error) {
    if (error instanceof SchemaTooNew) tell({ kind: 'too-new', unknown: error.unknown })
    else if (error instanceof StoreUnavailable)
      tell({ kind: 'unavailable', reason: error.reason, detail: error.detail })
    else throw error
    return undefined
  }
}

if (parentPort === null) throw new Error('this file is a thread of the store')
start(parentPort, workerData as FileOptions)
