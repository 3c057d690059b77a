import { type CacheStats, LatestValues, type Slice, type Slices, type Soon, textBytes } from '#base'
import {
  asksForThreads,
  compilingPushRules,
  deviceRulesets,
  NO_USER_PUSH_RULES,
  type PushEvaluator,
  type PushRuleset,
  rulesetBytes,
  rulesetOf,
  type UserPushRules,
} from '#rules'
import type { UserId } from '#spec'
import type { AccountDataReader, RoomNumber } from '#store'
import type { News, NewsHandler } from '#streams'
import type { RoomThreads, SubscribedThreads } from './subscribed-threads.ts'

export interface ReadyPushRules {
  /** Content of `m.push_rules`, as text. */
  readonly contentJson: string
  /** Position in the stream of account data of the user's last change; 0: never changed. */
  readonly position: number
  /** The size of all this in memory. */
  readonly sizeBytes: number
  readonly evaluate: PushEvaluator
  /** Whether a rule asks if the user subscribed to the event's thread. */
  readonly asksForThreads: boolean
  /** Rules of devices (2015), by profile tag. For a pusher with that tag they are asked before the others. */
  readonly devices: ReadonlyMap<string, PushEvaluator>
}

/** An evaluator of the predefined rules alone, of which most are shared. */
const OVERHEAD_BYTES = 4_000

export interface PushRulesParts {
  readonly reader: AccountDataReader
  readonly threads: SubscribedThreads
  readonly slices: Slices
  readonly limitBytes: number
}

/** Each user's push rules, the defaults and their own changes together, compiled once and kept until they change. */
export class PushRules implements NewsHandler {
  readonly #reader: AccountDataReader
  readonly #slices: Slices
  readonly #threads: SubscribedThreads
  readonly #ready: LatestValues<number, ReadyPushRules>

  constructor({ reader, threads, slices, limitBytes }: PushRulesParts) {
    this.#reader = reader
    this.#threads = threads
    this.#slices = slices
    this.#ready = new LatestValues({
      name: 'push-rules',
      limitBytes,
      sizeBytes: (rules) => rules.sizeBytes,
    })
  }

  stats(): CacheStats {
    return this.#ready.stats()
  }

  missed(): void {
    this.#ready.clear()
  }

  news(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream === 'accountData') for (const user of users) this.#ready.forget(user)
    }
  }

  /** undefined where they are not at hand. */
  now(user: number): ReadyPushRules | undefined {
    return this.#ready.now(user)
  }

  /** The threads of a room that the user subscribed to, where the rules ask. */
  threadsFor(rules: ReadyPushRules, user: number, room: RoomNumber): Soon<RoomThreads | undefined> {
    return rules.asksForThreads ? this.#threads.of(user, room) : undefined
  }

  /** Rooms in which the user's subscriptions changed after that position, where the rules ask, and the position of the newest change. */
  async threadsChanged(
    rules: ReadyPushRules,
    user: number,
    after: number,
  ): Promise<{ readonly rooms: readonly RoomNumber[]; readonly upTo: number }> {
    return rules.asksForThreads ? this.#threads.changed(user, after) : { rooms: [], upTo: after }
  }

  /** The same as `threadsFor` where they are at hand, else 'unknown'. */
  threadsNow(rules: ReadyPushRules, user: number, room: RoomNumber): RoomThreads | undefined | 'unknown' {
    return rules.asksForThreads ? (this.#threads.now(user, room) ?? 'unknown') : undefined
  }

  of(user: { readonly userId: UserId; readonly user: number }): Soon<ReadyPushRules> {
    return this.#ready.soon(user.user, async () => {
      const record = await this.#reader.pushRules(user.user)
      const slice = this.#slices.begin()
      const changes = record === undefined ? NO_USER_PUSH_RULES : (JSON.parse(record.rulesJson) as UserPushRules)
      if (slice.isOver()) await slice.next()
      const ruleset = rulesetOf(user.userId, changes)
      const contentJson = JSON.stringify({ global: ruleset })
      if (slice.isOver()) await slice.next()
      const evaluate = await compiled(ruleset, slice)
      const devices = new Map<string, PushEvaluator>()
      let asks = asksForThreads(ruleset)
      let sizeBytes = OVERHEAD_BYTES + rulesetBytes(ruleset)
      for (const [tag, rules] of deviceRulesets(changes)) {
        devices.set(tag, await compiled(rules, slice))
        asks ||= asksForThreads(rules)
        sizeBytes += rulesetBytes(rules)
      }
      // The texts stand in the content, and once more in the compiled rules.
      sizeBytes += textBytes(contentJson) + textBytes(record?.rulesJson ?? '')
      const position = record?.position ?? 0
      return { contentJson, position, sizeBytes, evaluate, asksForThreads: asks, devices }
    })
  }
}

const compiled = async (ruleset: PushRuleset, slice: Slice): Promise<PushEvaluator> => {
  const compiling = compilingPushRules(ruleset)
  for (;;) {
    const { done, value } = compiling.next()
    if (done === true) return value
    if (slice.isOver()) await slice.next()
  }
}
