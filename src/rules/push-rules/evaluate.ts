import type { JsonValue, RoomEvent } from '#spec'
import { isJsonObject } from '#spec'
import type { Condition, PushContext } from './conditions.ts'
import { compileCondition, eventMatch, NEVER, THREAD_SUBSCRIPTION } from './conditions.ts'
import { SHARED_RULES } from './default-rules.ts'
import type { PushCandidate } from './push-candidate.ts'
import { toPushCandidate } from './push-candidate.ts'
import { isEffective, type PushRule, type PushRuleKind, type PushRuleset } from './push-rule.ts'
import { type Steps, stepsOfOneEvent } from './steps.ts'

export interface PushOutcome {
  readonly kind: PushRuleKind
  readonly ruleId: string
  readonly actions: readonly JsonValue[]
  /** Whether the event notifies at all: a rule may match in order that nothing happens. */
  readonly notify: boolean
  readonly highlight: boolean
}

/** Bounded in work, see `Steps`. undefined when no rule matches, and for the user's own events, which never notify. */
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
  const compiling = compilingPushRules(ruleset)
  for (;;) {
    const { done, value } = compiling.next()
    if (done === true) return value
  }
}

/** The same, one rule at a step, for callers that have other things to do between. */
export function* compilingPushRules(ruleset: PushRuleset): Generator<undefined, PushEvaluator> {
  const override = yield* compileList(ruleset.override, 'override', conditionsOf)
  const content = yield* compileList(ruleset.content, 'content', ({ pattern }) => [eventMatch('content.body', pattern)])
  const postcontent = yield* compileList(ruleset.postcontent ?? [], 'postcontent', conditionsOf)
  const room = yield* indexById(ruleset.room, 'room')
  const sender = yield* indexById(ruleset.sender, 'sender')
  const underride = yield* compileList(ruleset.underride, 'underride', conditionsOf)
  return (candidate, context) => {
    const { event } = candidate
    if (event.sender === context.userId) return undefined
    const steps = stepsOfOneEvent()
    return (
      firstMatch(override, candidate, context, steps) ??
      firstMatch(content, candidate, context, steps) ??
      firstMatch(postcontent, candidate, context, steps) ??
      room.get(event.roomId) ??
      sender.get(event.sender) ??
      firstMatch(underride, candidate, context, steps)
    )
  }
}

/** Whether a rule asks if the user subscribed to the event's thread. */
export const asksForThreads = ({ override, postcontent = [], underride }: PushRuleset): boolean =>
  [override, postcontent, underride].some((rules) =>
    rules.some(
      ({ enabled, conditions = [] }) =>
        enabled && conditions.some((one) => isJsonObject(one) && one.kind === THREAD_SUBSCRIPTION),
    ),
  )

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
  steps: Steps,
): PushOutcome | undefined => {
  for (const { conditions, outcome } of rules) {
    let isMatch = true
    for (const holds of conditions) {
      isMatch = holds(candidate, context, steps)
      if (!isMatch) break
    }
    if (isMatch) return outcome
  }
  return undefined
}

function* compileList(
  rules: readonly PushRule[],
  kind: PushRuleKind,
  toConditions: (rule: PushRule) => readonly Condition[],
): Generator<undefined, readonly CompiledRule[]> {
  const compiled: CompiledRule[] = []
  for (const rule of rules) {
    if (!rule.enabled) continue
    const made = SHARED.get(rule) ?? { conditions: toConditions(rule), outcome: toOutcome(rule, kind) }
    if (!made.conditions.includes(NEVER)) compiled.push(made)
    yield
  }
  return compiled
}

const conditionsOf = ({ conditions = [] }: PushRule): readonly Condition[] =>
  conditions.map((condition) => (isJsonObject(condition) ? compileCondition(condition) : NEVER))

function* indexById(
  rules: readonly PushRule[],
  kind: PushRuleKind,
): Generator<undefined, ReadonlyMap<string, PushOutcome>> {
  const byId = new Map<string, PushOutcome>()
  for (const rule of rules) {
    if (rule.enabled) byId.set(rule.rule_id, toOutcome(rule, kind))
    yield
  }
  return byId
}

const toOutcome = (rule: PushRule, kind: PushRuleKind): PushOutcome => {
  const actions = rule.actions.filter(isEffective)
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
