import { type CacheStats, LatestValues } from '#base'
import {
  compilePushRules,
  deviceRulesets,
  NO_USER_PUSH_RULES,
  type PushEvaluator,
  rulesetOf,
  type UserPushRules,
} from '#rules'
import type { UserId } from '#spec'
import type { AccountDataReader } from '#store'
import type { News } from '#streams'

export interface ReadyPushRules {
  /** Content of `m.push_rules`, as text. */
  readonly contentJson: string
  /** When the user last changed them, in the stream of account data; 0 for never. */
  readonly position: number
  /** Of what is stored: rules of devices are not in the content. */
  readonly storedBytes: number
  readonly evaluate: PushEvaluator
  /** By profile tag: the rules of devices, of 2015. They go before the others, where a pusher has that tag. */
  readonly devices: ReadonlyMap<string, PushEvaluator>
}

const OVERHEAD_BYTES = 20_000

/** Each user's push rules, defaults and changes together, compiled once and kept until they change. */
export class PushRules {
  readonly #reader: AccountDataReader
  readonly #ready: LatestValues<number, ReadyPushRules>

  constructor(reader: AccountDataReader, limitBytes: number) {
    this.#reader = reader
    this.#ready = new LatestValues({
      name: 'push-rules',
      limitBytes,
      sizeBytes: ({ contentJson, storedBytes }) => OVERHEAD_BYTES + (contentJson.length + storedBytes) * 4,
    })
  }

  stats(): CacheStats {
    return this.#ready.stats()
  }

  forget(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream === 'accountData') for (const user of users) this.#ready.forget(user)
    }
  }

  of(user: { readonly userId: UserId; readonly user: number }): Promise<ReadyPushRules> {
    return this.#ready.get(user.user, async () => {
      const record = await this.#reader.pushRules(user.user)
      const changes = record === undefined ? NO_USER_PUSH_RULES : (JSON.parse(record.rulesJson) as UserPushRules)
      const ruleset = rulesetOf(user.userId, changes)
      return {
        contentJson: JSON.stringify({ global: ruleset }),
        position: record?.position ?? 0,
        storedBytes: changes.devices === undefined ? 0 : (record?.rulesJson.length ?? 0),
        evaluate: compilePushRules(ruleset),
        devices: new Map([...deviceRulesets(changes)].map(([tag, rules]) => [tag, compilePushRules(rules)])),
      }
    })
  }
}
