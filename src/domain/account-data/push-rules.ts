import { ok, type Result } from '#base'
import {
  type CustomPushRule,
  type CustomRuleKind,
  changePushRule,
  type DefaultRuleChange,
  deviceRulesetOf,
  deviceRulesets,
  NO_USER_PUSH_RULES,
  type PushRule,
  type PushRuleFailure,
  type PushRuleKind,
  type PushRulePlace,
  type PushRuleset,
  putPushRule,
  removePushRule,
  rulesetOf,
  rulesOfScope,
  type UserPushRules,
  withRulesOfReplacement,
  withScope,
} from '#rules'
import { type Errcode, MatrixError, type RoomId, type UserId } from '#spec'
import { type AccountDataReader, type AccountDataWriter, type Commit, QueuedChanges, type UserNumber } from '#store'

/** The limit of all a user's own rules together, as JSON; they go into every first sync. */
const MAX_RULES_BYTES = 512 * 1024

export interface PushRulesParts {
  readonly reader: AccountDataReader
  readonly writer: AccountDataWriter
  readonly commit: Commit
}

/** The owner of the rules: both names of one local user. */
export interface RulesOwner {
  readonly user: UserNumber
  readonly userId: UserId
  /** The profile tag of devices with rules of their own, as in 2015. undefined: the rules of all devices. */
  readonly profileTag?: string | undefined
}

export type NewPushRule = Pick<CustomPushRule, 'actions' | 'conditions' | 'pattern'>

interface StoredRules {
  readonly rules: UserPushRules
  /** 0 if nothing is stored. */
  readonly position: number
}

/** The push rules of users (module "Push Notifications"). Only differences from the predefined rules are stored. */
export class PushRules {
  readonly #reader: AccountDataReader
  readonly #writer: AccountDataWriter
  readonly #commit: Commit
  /** By user. */
  readonly #changes = new QueuedChanges<UserNumber>()

  constructor({ reader, writer, commit }: PushRulesParts) {
    this.#reader = reader
    this.#writer = writer
    this.#commit = commit
  }

  /** All rules, the predefined ones included: `{global: …}` of it is the content of `m.push_rules`. */
  async ruleset(owner: RulesOwner): Promise<PushRuleset> {
    const { rules } = await this.#load(owner)
    return owner.profileTag === undefined ? rulesetOf(owner.userId, rules) : deviceRulesetOf(rules, owner.profileTag)
  }

  /** The rules of devices, by their profile tags. */
  async devices(owner: RulesOwner): Promise<ReadonlyMap<string, PushRuleset>> {
    return deviceRulesets((await this.#load(owner)).rules)
  }

  /** Throws `M_NOT_FOUND`. */
  async rule(owner: RulesOwner, kind: PushRuleKind, ruleId: string): Promise<PushRule> {
    const rule = (await this.ruleset(owner))[kind]?.find((one) => one.rule_id === ruleId)
    if (rule === undefined) throw new MatrixError('M_NOT_FOUND', 'The push rule was not found')
    return rule
  }

  /** Adds a rule or changes one. Throws `M_INVALID_PARAM`, `M_UNKNOWN` with 400 for an unknown neighbour, `M_TOO_LARGE`. */
  async put(
    owner: RulesOwner,
    kind: CustomRuleKind,
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
    // No rule of a device is predefined, so only an existing one can be changed.
    if (owner.profileTag !== undefined) await this.rule(owner, kind, ruleId)
    await this.#change(owner, (rules) => changePushRule(rules, kind, ruleId, change), REFUSED_CHANGE)
  }

  /** Gives the room `to` the rules that the user has for the room `from`, which it replaced. */
  async copyRoom(owner: RulesOwner, from: RoomId, to: RoomId): Promise<void> {
    const { rules } = await this.#load(owner)
    if (withRulesOfReplacement(rules, from, to) === rules) return
    await this.#change(owner, (current) => ok(withRulesOfReplacement(current, from, to)), REFUSED_CHANGE)
  }

  /** From now on the rules for threads hold (MSC4306). */
  async heedThreads(owner: RulesOwner): Promise<void> {
    const { rules } = await this.#load(owner)
    if (rules.threads === true) return
    await this.#change(owner, (current) => ok({ ...current, threads: true }), REFUSED_CHANGE)
  }

  async #change(
    owner: RulesOwner,
    change: (rules: UserPushRules) => Result<UserPushRules, PushRuleFailure>,
    refused: (reason: PushRuleFailure['reason']) => MatrixError,
  ): Promise<void> {
    await this.#changes.run(owner.user, async () => {
      const { rules, position } = await this.#load(owner)
      const changed = change(rulesOfScope(rules, owner.profileTag))
      if (!changed.ok) throw refused(changed.failure.reason)
      const rulesJson = JSON.stringify(withScope(rules, owner.profileTag, changed.value))
      if (Buffer.byteLength(rulesJson) > MAX_RULES_BYTES) throw new MatrixError('M_TOO_LARGE', 'Too many push rules')
      await this.#commit([this.#writer.replacePushRules(owner.user, rulesJson, position)])
    })
  }

  async #load({ user }: RulesOwner): Promise<StoredRules> {
    const record = await this.#reader.pushRules(user)
    if (record === undefined) return { rules: NO_USER_PUSH_RULES, position: 0 }
    return { rules: JSON.parse(record.rulesJson) as UserPushRules, position: record.position }
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
