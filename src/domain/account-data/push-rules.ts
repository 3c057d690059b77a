import type { CacheStats, Result } from '#base'
import {
  type CustomPushRule,
  changePushRule,
  compilePushRules,
  type DefaultRuleChange,
  NO_USER_PUSH_RULES,
  type PushEvaluator,
  type PushRule,
  type PushRuleFailure,
  type PushRuleKind,
  type PushRulePlace,
  type PushRuleset,
  putPushRule,
  removePushRule,
  rulesetOf,
  type UserPushRules,
} from '#rules'
import { type Errcode, MatrixError, type UserId } from '#spec'
import { type AccountDataReader, type AccountDataWriter, type Commit, type UserNumber, WriteConflict } from '#store'
import { LatestValues } from './latest-values.ts'
import { type News, onAccountDataOf } from './news.ts'

/** Of all a user's own rules together, as JSON; they go into every first sync. */
const MAX_RULES_BYTES = 512 * 1024
const CACHE_BYTES = 64 * 1024 * 1024
const ATTEMPTS = 8

export interface PushRulesOptions {
  readonly reader: AccountDataReader
  readonly writer: AccountDataWriter
  readonly commit: Commit
  readonly news: News
}

/** Whose rules: both names of one local user. */
export interface RulesOwner {
  readonly user: UserNumber
  readonly userId: UserId
}

export type NewPushRule = Pick<CustomPushRule, 'actions' | 'conditions' | 'pattern'>

interface KnownRules {
  readonly rules: UserPushRules
  /** Of the stored record; 0 where there is none. */
  readonly position: number
  readonly ruleset: PushRuleset
  readonly evaluator: PushEvaluator
  readonly sizeBytes: number
}

/** The push rules of users (module "Push Notifications"): what differs from the predefined ones is stored. */
export class PushRules {
  readonly #reader: AccountDataReader
  readonly #writer: AccountDataWriter
  readonly #commit: Commit
  readonly #known = new LatestValues<UserNumber, KnownRules>({
    name: 'push-rules',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ sizeBytes }) => sizeBytes,
  })

  constructor({ reader, writer, commit, news }: PushRulesOptions) {
    this.#reader = reader
    this.#writer = writer
    this.#commit = commit
    onAccountDataOf(news, (user) => this.#known.forget(user))
  }

  /** All rules, the predefined ones included: `{global: …}` of it is the content of `m.push_rules`. */
  async ruleset(owner: RulesOwner): Promise<PushRuleset> {
    return (await this.#load(owner)).ruleset
  }

  /** Ready to be held against events; the same object as long as the rules stay as they are. */
  async evaluator(owner: RulesOwner): Promise<PushEvaluator> {
    return (await this.#load(owner)).evaluator
  }

  /** Throws `M_NOT_FOUND`. */
  async rule(owner: RulesOwner, kind: PushRuleKind, ruleId: string): Promise<PushRule> {
    const rule = (await this.ruleset(owner))[kind].find((one) => one.rule_id === ruleId)
    if (rule === undefined) throw new MatrixError('M_NOT_FOUND', 'The push rule was not found')
    return rule
  }

  /** Adds a rule or changes one. Throws `M_INVALID_PARAM`, `M_UNKNOWN` with 400 for an unknown neighbour, `M_TOO_LARGE`. */
  async put(
    owner: RulesOwner,
    kind: PushRuleKind,
    ruleId: string,
    rule: NewPushRule,
    place: PushRulePlace,
  ): Promise<void> {
    await this.#change(owner, (rules) => putPushRule(rules, kind, ruleId, rule, place), REFUSED_PUT)
  }

  /** Throws `M_NOT_FOUND`, for predefined rules too. */
  async remove(owner: RulesOwner, kind: PushRuleKind, ruleId: string): Promise<void> {
    await this.#change(owner, (rules) => removePushRule(rules, kind, ruleId), REFUSED_CHANGE)
  }

  /** Turns a rule on or off, or gives it other actions. Throws `M_NOT_FOUND`. */
  async change(owner: RulesOwner, kind: PushRuleKind, ruleId: string, change: DefaultRuleChange): Promise<void> {
    await this.#change(owner, (rules) => changePushRule(rules, kind, ruleId, change), REFUSED_CHANGE)
  }

  stats(): CacheStats {
    return this.#known.stats()
  }

  async #change(
    owner: RulesOwner,
    change: (rules: UserPushRules) => Result<UserPushRules, PushRuleFailure>,
    refused: (reason: PushRuleFailure['reason']) => MatrixError,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { rules, position } = await this.#load(owner)
      const changed = change(rules)
      if (!changed.ok) throw refused(changed.failure.reason)
      const rulesJson = JSON.stringify(changed.value)
      if (Buffer.byteLength(rulesJson) > MAX_RULES_BYTES) throw new MatrixError('M_TOO_LARGE', 'Too many push rules')
      try {
        await this.#commit([this.#writer.replacePushRules(owner.user, rulesJson, position)])
        return
      } catch (error) {
        if (!(error instanceof WriteConflict) || attempt === ATTEMPTS) throw error
        this.#known.forget(owner.user)
      }
    }
  }

  #load({ user, userId }: RulesOwner): Promise<KnownRules> {
    return this.#known.get(user, async () => {
      const record = await this.#reader.pushRules(user)
      const rules = record === undefined ? NO_USER_PUSH_RULES : (JSON.parse(record.rulesJson) as UserPushRules)
      const ruleset = rulesetOf(userId, rules)
      return {
        rules,
        position: record?.position ?? 0,
        ruleset,
        evaluator: compilePushRules(ruleset),
        sizeBytes: 12_000 + (record?.rulesJson.length ?? 0) * 6,
      }
    })
  }
}

const REFUSED_CHANGE = (): MatrixError => new MatrixError('M_NOT_FOUND', 'The push rule was not found')

const PUT_REASONS: Readonly<Record<PushRuleFailure['reason'], readonly [Errcode, string]>> = {
  'unknown-rule': ['M_NOT_FOUND', 'The push rule was not found'],
  'predefined-rule': ['M_INVALID_PARAM', 'Rule ids that start with a dot are reserved for the server'],
  'malformed-rule-id': ['M_INVALID_PARAM', 'Not an id of a push rule'],
  'malformed-pattern': ['M_INVALID_PARAM', 'The pattern is missing or too long'],
  'too-many-conditions': ['M_INVALID_PARAM', 'Too many conditions'],
  'too-many-rules': ['M_INVALID_PARAM', 'Too many push rules'],
  'unknown-neighbour': ['M_UNKNOWN', 'The rule of before or after was not found'],
}
const REFUSED_PUT = (reason: PushRuleFailure['reason']): MatrixError => {
  const [errcode, message] = PUT_REASONS[reason]
  return new MatrixError(errcode, message, errcode === 'M_UNKNOWN' ? { status: 400 } : {})
}
