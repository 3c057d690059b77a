import type { Clock, Logger } from '#base'
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
  readonly #running = new Map<ServerName, Promise<void>>()
  /** Servers of which something was staged after the last look. */
  readonly #unseen = new Set<ServerName>()
  /** The look at what was staged before the start. */
  #look: Promise<void> = Promise.resolve()
  #stopped = true

  constructor(parts: StagedEdusParts) {
    this.#parts = parts
  }

  start(): void {
    this.#stopped = false
    this.#waiting.clear()
    this.#look = this.#parts.reader.stagedOrigins().then(
      (origins) => {
        for (const { origin, edus } of origins) this.staged(origin, edus)
      },
      (err: unknown) => this.#parts.logger.error({ err }, 'staged EDUs could not be read'),
    )
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#look
    await Promise.all(this.#running.values())
  }

  mindLimit(origin: ServerName): void {
    if ((this.#waiting.get(origin) ?? 0) > MAX_OF_ORIGIN) throw tooMuchStaged()
  }

  /** To be called when EDUs of that server are durable. */
  staged(origin: ServerName, count: number): void {
    if (count === 0) return
    this.#waiting.set(origin, (this.#waiting.get(origin) ?? 0) + count)
    this.#wake(origin)
  }

  #wake(origin: ServerName): void {
    this.#unseen.add(origin)
    if (this.#stopped || this.#running.has(origin)) return
    this.#running.set(
      origin,
      this.#drain(origin).finally(() => {
        this.#running.delete(origin)
        if (this.#unseen.has(origin)) this.#wake(origin)
      }),
    )
  }

  async #drain(origin: ServerName): Promise<void> {
    const { reader, logger } = this.#parts
    while (!this.#stopped) {
      try {
        this.#unseen.delete(origin)
        const rows = await reader.stagedEdus(origin, BATCH)
        if (rows.length === 0) {
          this.#waiting.delete(origin)
          return
        }
        if (!(await this.#take(origin, rows))) await this.#pause()
      } catch (err) {
        logger.error({ err, origin }, 'staged EDUs could not be taken; tried again')
        await this.#pause()
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(RETRY_MS, resolve))
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
      if (this.#stopped) break
    }
    if (done.length > 0) await commit([writer.removeEdus(done)])
    return true
  }
}
