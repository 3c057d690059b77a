import type { JsonValue, RoomEvent } from '#spec'
import { isJsonObject } from '#spec'
import type { Condition, PushContext } from './conditions.ts'
import { compileCondition, eventMatch, NEVER } from './conditions.ts'
import { SHARED_RULES } from './default-rules.ts'
import type { PushCandidate } from './push-candidate.ts'
import { toPushCandidate } from './push-candidate.ts'
import type { PushRule, PushRuleKind, PushRuleset } from './push-rule.ts'
import { currentActions } from './push-rule.ts'

export interface PushOutcome {
  readonly kind: PushRuleKind
  readonly ruleId: string
  readonly actions: readonly JsonValue[]
  /** Whether the event notifies at all: a rule may match in order that nothing happens. */
  readonly notify: boolean
  readonly highlight: boolean
}

/** undefined when no rule matches, and for the user's own events, which never notify. */
export type PushEvaluator = (candidate: PushCandidate, context: PushContext) => PushOutcome | undefined

interface CompiledRule {
  readonly conditions: readonly Condition[]
  readonly outcome: PushOutcome
}

/**
 * Makes an evaluator of a ruleset, to be kept while the rules stay as they are. Rules for rooms and senders are found by
 * id, so that a user may have many of them.
 */
export const compilePushRules = (ruleset: PushRuleset): PushEvaluator => {
  const override = compileList(ruleset.override, 'override', conditionsOf)
  const content = compileList(ruleset.content, 'content', ({ pattern }) => [eventMatch('content.body', pattern)])
  const room = indexById(ruleset.room, 'room')
  const sender = indexById(ruleset.sender, 'sender')
  const underride = compileList(ruleset.underride, 'underride', conditionsOf)
  return (candidate, context) => {
    const { event } = candidate
    if (event.sender === context.userId) return undefined
    return (
      firstMatch(override, candidate, context) ??
      firstMatch(content, candidate, context) ??
      room.get(event.roomId) ??
      sender.get(event.sender) ??
      firstMatch(underride, candidate, context)
    )
  }
}

/** Evaluates once. For repeated evaluations of an event or a ruleset, compile it and keep the result. */
export const evaluatePushRules = (
  ruleset: PushRuleset,
  event: RoomEvent,
  context: PushContext,
): PushOutcome | undefined => compilePushRules(ruleset)(toPushCandidate(event), context)

const firstMatch = (
  rules: readonly CompiledRule[],
  candidate: PushCandidate,
  context: PushContext,
): PushOutcome | undefined => {
  for (const { conditions, outcome } of rules) {
    if (conditions.every((holds) => holds(candidate, context))) return outcome
  }
  return undefined
}

const compileList = (
  rules: readonly PushRule[],
  kind: PushRuleKind,
  toConditions: (rule: PushRule) => readonly Condition[],
): readonly CompiledRule[] =>
  rules
    .filter((rule) => rule.enabled)
    .map((rule) => SHARED.get(rule) ?? { conditions: toConditions(rule), outcome: toOutcome(rule, kind) })
    .filter(({ conditions }) => !conditions.includes(NEVER))

const conditionsOf = ({ conditions = [] }: PushRule): readonly Condition[] =>
  conditions.map((condition) => (isJsonObject(condition) ? compileCondition(condition) : NEVER))

const indexById = (rules: readonly PushRule[], kind: PushRuleKind): ReadonlyMap<string, PushOutcome> =>
  new Map(rules.filter((rule) => rule.enabled).map((rule) => [rule.rule_id, toOutcome(rule, kind)]))

const toOutcome = (rule: PushRule, kind: PushRuleKind): PushOutcome => {
  const actions = currentActions(rule.actions)
  const notify = actions.includes('notify')
  return { kind, ruleId: rule.rule_id, actions, notify, highlight: notify && isHighlight(actions) }
}

/** A `highlight` tweak without a value means true. */
const isHighlight = (actions: readonly JsonValue[]): boolean => {
  const tweak = actions.findLast((action) => isJsonObject(action) && action.set_tweak === 'highlight')
  return isJsonObject(tweak) && (tweak.value === undefined || tweak.value === true)
}

/** Most rules are the same for everyone and are compiled once, as a server keeps the evaluators of many users. */
const SHARED: ReadonlyMap<PushRule, CompiledRule> = new Map(
  SHARED_RULES.map(([rule, kind]) => [rule, { conditions: conditionsOf(rule), outcome: toOutcome(rule, kind) }]),
)
