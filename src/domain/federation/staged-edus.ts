import { type Clock, type Logger, WokenWork } from '#base'
import { isJsonObject, type ServerName } from '#spec'
import type { Commit, LeasedWork, StagedEduRow, StagedTransactionsReader, StagedTransactionsWriter } from '#store'
import type { Edus } from './edus.ts'
import { tooMuchStaged } from './receive-transactions.ts'

export interface StagedEdusParts {
  readonly reader: Pick<StagedTransactionsReader, 'stagedEdus' | 'stagedOrigins'>
  readonly writer: Pick<StagedTransactionsWriter, 'removeEdus' | 'countTries'>
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  readonly edus: Edus
}

const MAX_OF_ORIGIN = 20_000
const BATCH = 50
/** Attempts at an EDU which a fault of this server ends; after them it is given up. */
const MAX_TRIES = 5
const RETRY_MS = 10_000

/** Hands staged EDUs to their handlers: those of one server in the order in which they came, different servers side by side. */
export class StagedEdus implements LeasedWork {
  readonly #parts: StagedEdusParts
  readonly #waiting = new Map<ServerName, number>()
  readonly #work: WokenWork<ServerName>

  constructor(parts: StagedEdusParts) {
    this.#parts = parts
    const { clock, logger } = parts
    this.#work = new WokenWork({
      ...{ clock, logger, retryMs: RETRY_MS, failure: 'staged EDUs could not be read; tried again' },
      look: () => this.#look(),
      piece: (origin) => this.#piece(origin),
      failed: (err, origin) => logger.error({ err, origin }, 'staged EDUs could not be taken; tried again'),
    })
  }

  start(): void {
    this.#waiting.clear()
    this.#work.start()
  }

  stop(): Promise<void> {
    return this.#work.stop()
  }

  mindLimit(origin: ServerName): void {
    if ((this.#waiting.get(origin) ?? 0) > MAX_OF_ORIGIN) throw tooMuchStaged()
  }

  /** To be called when EDUs of that server are durable. */
  staged(origin: ServerName, count: number): void {
    if (count === 0) return
    this.#waiting.set(origin, (this.#waiting.get(origin) ?? 0) + count)
    this.#work.wake(origin)
  }

  async #look(): Promise<void> {
    for (const { origin, edus } of await this.#parts.reader.stagedOrigins()) this.staged(origin, edus)
  }

  async #piece(origin: ServerName): Promise<'more' | 'later' | 'nothing'> {
    const rows = await this.#parts.reader.stagedEdus(origin, BATCH)
    if (rows.length > 0) return (await this.#take(origin, rows)) ? 'more' : 'later'
    this.#waiting.delete(origin)
    return 'nothing'
  }

  /** Whether all went well. */
  async #take(origin: ServerName, rows: readonly StagedEduRow[]): Promise<boolean> {
    const { commit, writer, edus, logger } = this.#parts
    const done: number[] = []
    for (const { staged, type, contentJson, tries } of rows) {
      try {
        const content: unknown = JSON.parse(contentJson)
        if (isJsonObject(content)) await edus.take(origin, { type, content })
      } catch (err) {
        const over = tries + 1 >= MAX_TRIES
        logger.warn({ err, origin, type }, over ? 'an EDU was given up' : 'an EDU could not be taken; tried again')
        if (over) done.push(staged)
        const removed = done.length === 0 ? [] : [writer.removeEdus(done)]
        await commit([...removed, writer.countTries('edus', [staged])])
        return over
      }
      done.push(staged)
      if (this.#work.stopped) break
    }
    if (done.length > 0) await commit([writer.removeEdus(done)])
    return true
  }
}
