import type { GroupAnswer, Submitted } from './commit-queue.ts'
import type { GroupRunner } from './group.ts'

/** Commits of one group: each answer waits for at most this many. */
const MAX_GROUP = 256

/** Makes groups: everything that was submitted while one group ran goes into the next, up to `MAX_GROUP`. */
export class GroupLoop {
  readonly #runner: GroupRunner
  readonly #answer: (answer: GroupAnswer, group: readonly Submitted[]) => void
  readonly #receive: () => Submitted | undefined
  readonly #waiting: Submitted[] = []
  #running = false

  /** `receive` returns one commit that has arrived and was not handed over yet. */
  constructor(
    runner: GroupRunner,
    answer: (answer: GroupAnswer, group: readonly Submitted[]) => void,
    receive: () => Submitted | undefined = () => undefined,
  ) {
    this.#runner = runner
    this.#answer = answer
    this.#receive = receive
  }

  async submit(submitted: Submitted): Promise<void> {
    this.#waiting.push(submitted)
    if (!this.#running) await this.runAll()
  }

  /** Runs groups until nothing more has arrived. */
  async runAll(): Promise<void> {
    this.#running = true
    try {
      while (this.#fill()) await this.#runOne()
    } finally {
      this.#running = false
    }
  }

  #fill(): boolean {
    while (this.#waiting.length < MAX_GROUP) {
      const more = this.#receive()
      if (more === undefined) break
      this.#waiting.push(more)
    }
    return this.#waiting.length > 0
  }

  async #runOne(): Promise<void> {
    const group = this.#waiting.splice(0, MAX_GROUP)
    const result = await this.#runner.run(group.map(({ changes }) => changes))
    this.#answer({ ids: group.map(({ id }) => id), ...result }, group)
  }
}
