import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { releaseMemory } from '#base'
import { MIGRATIONS } from '../../migrations/index.ts'
import { SchemaTooNew, StoreUnavailable } from '../../ports/engine/faults.ts'
import type { GroupAnswer, Submitted } from '../../sql/engine/commit-queue.ts'
import { GroupRunner } from '../../sql/engine/group.ts'
import { GroupLoop } from '../../sql/engine/group-loop.ts'
import { packAnswer, unpackCommits } from '../../sql/engine/packing.ts'
import { allWrites } from '../../sql/ports.ts'
import { type FileOptions, SqliteFile } from './file.ts'
import { migrate } from './migrate.ts'
import type { FromWriter, ToWriter, WriterData } from './thread-messages.ts'
import { SqliteWriteConnection } from './write-connection.ts'

/**
 * The thread that owns the writing connection. It sleeps on a number in shared memory and not in its event loop: it waits for nothing but
 * the next message, and waking this way costs much less.
 */
const start = async (port: MessagePort, { file, signal }: WriterData): Promise<void> => {
  const tell = (message: FromWriter): void => port.postMessage(message)
  const connection = openMigrated(file, tell)
  if (connection === undefined) return
  const writes = allWrites()
  let closing = false
  const arrived: Submitted[] = []
  const receive = (): Submitted | undefined => {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      const message: ToWriter = next.message
      if (message === 'close') closing = true
      else arrived.push(...unpackCommits(message, writes))
    }
    return arrived.shift()
  }
  const answer = (of: GroupAnswer, group: readonly Submitted[]): void => tell(packAnswer(of, group, writes))
  const loop = new GroupLoop(new GroupRunner(connection, writes), answer, receive)
  releaseMemory()
  tell({ kind: 'ready' })
  while (!closing) {
    const seen = Atomics.load(signal, 0)
    // An error thrown from here is a fault of ours: it ends the thread, and the serving thread starts another.
    await loop.runAll()
    if (!closing) Atomics.wait(signal, 0, seen)
  }
  connection.close()
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
await start(parentPort, workerData as WriterData)
parentPort.close()
