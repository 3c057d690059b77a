import type { Result } from '#base'
import { fail, ok } from '#base'
import type { JsonObject, JsonValue, UserId } from '#spec'
import {
  DEFAULT_UNDERRIDE_RULES,
  defaultOverrideRules,
  kindOfDefaultRule,
  MASTER_RULE,
  THREAD_RULES,
} from './default-rules.ts'
import { MAX_PATTERN_LENGTH } from './glob.ts'
import type { CustomRuleKind, PushRule, PushRuleKind, PushRuleset } from './push-rule.ts'
import { PUSH_RULE_KINDS } from './push-rule.ts'

export interface CustomPushRule {
  readonly ruleId: string
  readonly enabled: boolean
  readonly actions: readonly JsonValue[]
  readonly conditions?: readonly JsonObject[]
  readonly pattern?: string
}

/** A user's changes of a predefined rule. */
export interface DefaultRuleChange {
  readonly enabled?: boolean
  readonly actions?: readonly JsonValue[]
}

/** The stored part of a user's rules: the differences from the predefined ones, as plain JSON. */
export interface UserPushRules {
  readonly custom: { readonly [Kind in CustomRuleKind]?: readonly CustomPushRule[] }
  readonly defaults: { readonly [ruleId: string]: DefaultRuleChange }
  /** The rules by profile tag: see `rulesOfScope`. */
  readonly devices?: {
    readonly [profileTag: string]: { readonly [Kind in CustomRuleKind]?: readonly CustomPushRule[] }
  }
  /** A client of the user subscribed to a thread: from then on the rules for threads hold (docs/adr/0026). */
  readonly threads?: true
}

export const NO_USER_PUSH_RULES: UserPushRules = { custom: {}, defaults: {} }

/** Each event is held against every rule of every member, so their number has a limit: the specification sets none. */
export const MAX_CUSTOM_RULES = 2_000
export const MAX_CONDITIONS = 32

/** The user's whole ruleset: `{global: …}` of it is the answer of `GET /pushrules` and the content of `m.push_rules`. */
export const rulesetOf = (userId: UserId, rules: UserPushRules): PushRuleset => ({
  override: [
    changed(MASTER_RULE, rules),
    ...customRules(rules, 'override'),
    ...defaultOverrideRules(userId).map((rule) => changed(rule, rules)),
  ],
  content: customRules(rules, 'content'),
  ...(rules.threads === true ? { postcontent: THREAD_RULES.map((rule) => changed(rule, rules)) } : {}),
  room: customRules(rules, 'room'),
  sender: customRules(rules, 'sender'),
  underride: [...customRules(rules, 'underride'), ...DEFAULT_UNDERRIDE_RULES.map((rule) => changed(rule, rules))],
})

const changed = (rule: PushRule, { defaults }: UserPushRules): PushRule =>
  Object.hasOwn(defaults, rule.rule_id) ? { ...rule, ...defaults[rule.rule_id] } : rule

export const customRules = ({ custom }: UserPushRules, kind: CustomRuleKind): readonly PushRule[] =>
  (custom[kind] ?? []).map(({ ruleId, enabled, actions, conditions, pattern }) => ({
    rule_id: ruleId,
    default: false,
    enabled,
    actions,
    ...(conditions === undefined ? {} : { conditions }),
    ...(pattern === undefined ? {} : { pattern }),
  }))

export interface PushRuleFailure {
  readonly reason:
    | 'unknown-rule'
    /** A predefined rule cannot be replaced or removed, nor have another placed beside it. */
    | 'predefined-rule'
    /** Empty, too long, or with a slash or backslash. */
    | 'malformed-rule-id'
    | 'malformed-pattern'
    | 'too-many-conditions'
    | 'too-many-rules'
    /** `before` or `after` names no rule of the user's. */
    | 'unknown-neighbour'
}

export interface PushRulePlace {
  /** The new rule comes to stand right above this one. */
  readonly before?: string | undefined
  /** The new rule comes to stand right below this one. `before` counts when both are given. */
  readonly after?: string | undefined
}

type PushRuleContent = Pick<CustomPushRule, 'actions' | 'conditions' | 'pattern'>

/**
 * Adds or replaces a rule of the user's (`PUT /pushrules/global/{kind}/{ruleId}`): a new one is enabled and, without a
 * place, most important of its kind; one that exists keeps whether it is enabled and, without a place, where it stands.
 */
export const putPushRule = (
  rules: UserPushRules,
  kind: CustomRuleKind,
  ruleId: string,
  content: PushRuleContent,
  place: PushRulePlace = {},
): Result<UserPushRules, PushRuleFailure> => {
  const listed = rules.custom[kind] ?? []
  const existing = listed.find((rule) => rule.ruleId === ruleId)
  const reason = findFault(rules, kind, ruleId, content, existing === undefined)
  if (reason !== undefined) return fail({ reason })
  const rule = toCustomRule(kind, ruleId, content, existing?.enabled ?? true)
  const index = indexFor(listed, ruleId, place)
  if (index === undefined) return fail({ reason: 'unknown-neighbour' })
  const others = listed.filter((other) => other.ruleId !== ruleId)
  return ok(withCustom(rules, kind, others.toSpliced(index, 0, rule)))
}

const toCustomRule = (
  kind: CustomRuleKind,
  ruleId: string,
  { actions, conditions, pattern }: PushRuleContent,
  enabled: boolean,
): CustomPushRule => {
  const rule = { ruleId, enabled, actions }
  if (kind === 'content') return { ...rule, pattern: pattern ?? '' }
  return kind === 'override' || kind === 'underride' ? { ...rule, conditions: conditions ?? [] } : rule
}

/** Among the rules but for the one of `ruleId`; undefined when the neighbour is unknown. */
const indexFor = (
  listed: readonly CustomPushRule[],
  ruleId: string,
  { before, after }: PushRulePlace,
): number | undefined => {
  const others = listed.filter((other) => other.ruleId !== ruleId)
  const neighbour = before ?? after
  if (neighbour === undefined)
    return Math.max(
      listed.findIndex((rule) => rule.ruleId === ruleId),
      0,
    )
  const at = others.findIndex((other) => other.ruleId === neighbour)
  if (at === -1) return undefined
  return before === undefined ? at + 1 : at
}

const MAX_RULE_ID_LENGTH = 1024

const findFault = (
  rules: UserPushRules,
  kind: CustomRuleKind,
  ruleId: string,
  { conditions = [], pattern }: PushRuleContent,
  isNew: boolean,
): PushRuleFailure['reason'] | undefined => {
  if (ruleId.startsWith('.')) return 'predefined-rule'
  if (ruleId === '' || ruleId.length > MAX_RULE_ID_LENGTH || /[/\\\0]/.test(ruleId)) return 'malformed-rule-id'
  if (kind === 'content' && (pattern === undefined || pattern.length > MAX_PATTERN_LENGTH)) return 'malformed-pattern'
  if (conditions.length > MAX_CONDITIONS) return 'too-many-conditions'
  if (conditions.some(hasLongPattern)) return 'malformed-pattern'
  return isNew && countCustomRules(rules) >= MAX_CUSTOM_RULES ? 'too-many-rules' : undefined
}

const hasLongPattern = (condition: JsonObject): boolean =>
  typeof condition.pattern === 'string' && condition.pattern.length > MAX_PATTERN_LENGTH

const countCustomRules = ({ custom }: UserPushRules): number =>
  PUSH_RULE_KINDS.reduce((sum, kind) => sum + (custom[kind]?.length ?? 0), 0)

const withCustom = (rules: UserPushRules, kind: CustomRuleKind, listed: readonly CustomPushRule[]): UserPushRules => ({
  ...rules,
  custom: { ...rules.custom, [kind]: listed },
})

export const removePushRule = (
  rules: UserPushRules,
  kind: PushRuleKind,
  ruleId: string,
): Result<UserPushRules, PushRuleFailure> => {
  if (kindOfDefaultRule(ruleId) === kind) return fail({ reason: 'predefined-rule' })
  if (kind === 'postcontent') return fail({ reason: 'unknown-rule' })
  const listed = rules.custom[kind] ?? []
  const others = listed.filter((rule) => rule.ruleId !== ruleId)
  return others.length === listed.length ? fail({ reason: 'unknown-rule' }) : ok(withCustom(rules, kind, others))
}

/** Changes `enabled` or `actions` of a rule, the user's own or predefined. */
export const changePushRule = (
  rules: UserPushRules,
  kind: PushRuleKind,
  ruleId: string,
  change: DefaultRuleChange,
): Result<UserPushRules, PushRuleFailure> => {
  if (kindOfDefaultRule(ruleId) === kind && (kind !== 'postcontent' || rules.threads === true)) {
    const before = Object.hasOwn(rules.defaults, ruleId) ? rules.defaults[ruleId] : {}
    return ok({ ...rules, defaults: { ...rules.defaults, [ruleId]: { ...before, ...change } } })
  }
  if (kind === 'postcontent') return fail({ reason: 'unknown-rule' })
  const listed = rules.custom[kind] ?? []
  if (!listed.some((rule) => rule.ruleId === ruleId)) return fail({ reason: 'unknown-rule' })
  return ok(
    withCustom(
      rules,
      kind,
      listed.map((rule) => (rule.ruleId === ruleId ? { ...rule, ...change } : rule)),
    ),
  )
}
