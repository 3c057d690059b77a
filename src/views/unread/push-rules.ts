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
import type { News, NewsHandler } from '#streams'

export interface ReadyPushRules {
  /** Content of `m.push_rules`, as text. */
  readonly contentJson: string
  /** Position in the stream of account data of the user's last change; 0: never changed. */
  readonly position: number
  /** Size of the stored rules where they hold rules of devices, which are not in the content. */
  readonly storedBytes: number
  readonly evaluate: PushEvaluator
  /** Rules of devices (2015), by profile tag. For a pusher with that tag they are asked before the others. */
  readonly devices: ReadonlyMap<string, PushEvaluator>
}

const OVERHEAD_BYTES = 20_000

export interface PushRulesParts {
  readonly reader: AccountDataReader
  readonly limitBytes: number
}

/** Each user's push rules, the defaults and their own changes together, compiled once and kept until they change. */
export class PushRules implements NewsHandler {
  readonly #reader: AccountDataReader
  readonly #ready: LatestValues<number, ReadyPushRules>

  constructor({ reader, limitBytes }: PushRulesParts) {
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

  missed(): void {
    this.#ready.clear()
  }

  news(news: readonly News[]): void {
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
