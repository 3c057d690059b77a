import { Chore, type Clock, type Logger } from '#base'
import type { ServerName } from '#spec'
import type { Commit, PeopleElsewhereWriter } from '#store'
import type { News, NewsHandler, Streams } from '#streams'

export interface PeopleElsewhereParts {
  readonly writer: PeopleElsewhereWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: ServerName
  readonly news: Pick<Streams, 'onNews'>
  /** Asks for the profiles of the people who are put in. */
  readonly profiles: { hurry(): void }
}

/** From a membership to the directory, so that those who come together are taken together. */
const EVERY_MS = 1_000
/** Between two pieces, at least, so that they are not in the way of others' commits; after a long one longer. */
const PAUSE_MS = 20
/** News may be lost: the database is asked now and then. */
const ROUNDS_WITHOUT_NEWS = 60
const ROUNDS_TO_SWEEP = 120
/**
 * A row has names of 256 signs and their pieces: some 6 KiB at most, and 400 bytes as a rule. The member event that each person has here as well is no smaller.
 */
const LIMITS = { perServer: 200_000, total: 1_000_000 } as const

/**
 * Puts people of other servers into the directory of users, behind the commits of memberships, so that a join costs nothing more: also those of rooms from before the directory knew them. How far it is
 * stands in the database. People who share no room with anybody here any more are not found; their rows are swept later, a piece every two minutes.
 */
export class PeopleElsewhere implements NewsHandler {
  readonly #parts: PeopleElsewhereParts
  readonly #chore: Chore
  #rounds = 0
  #hasNews = true
  #goOn = (): void => {}

  constructor(parts: PeopleElsewhereParts) {
    this.#parts = parts
    const { clock, logger } = parts
    this.#chore = new Chore({
      ...{ clock, logger, everyMs: EVERY_MS },
      failure: 'people of other servers could not be put into the directory of users; tried again',
      round: (chore) => this.#round(chore),
    })
    parts.news.onNews(this)
  }

  start(): void {
    this.#hasNews = true
    this.#chore.start()
  }

  stop(): Promise<void> {
    const stopped = this.#chore.stop()
    this.#goOn()
    return stopped
  }

  news(news: readonly News[]): void {
    if (news.some(({ stream, users }) => stream === 'events' && users.length > 0)) this.#hasNews = true
  }

  missed(): void {
    this.#hasNews = true
  }

  async #round(chore: Chore): Promise<void> {
    const { writer, commit, serverName } = this.#parts
    const round = this.#rounds++
    if (round % ROUNDS_TO_SWEEP === ROUNDS_TO_SWEEP - 1) await commit([writer.sweep(serverName)])
    if (!this.#hasNews && round % ROUNDS_WITHOUT_NEWS !== 0) return
    this.#hasNews = false
    await chore.inPieces(() => this.#see())
  }

  async #see(): Promise<boolean> {
    const { writer, commit, clock, serverName, profiles } = this.#parts
    const startedMs = clock.monotonicMs()
    const [{ more, asks }] = await commit([writer.see({ own: serverName, nowMs: clock.nowMs(), limits: LIMITS })])
    if (asks) profiles.hurry()
    if (more) await this.#pause(Math.max(PAUSE_MS, 2 * (clock.monotonicMs() - startedMs)))
    return more
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve
      this.#parts.clock.after(ms, resolve)
    })
  }
}
