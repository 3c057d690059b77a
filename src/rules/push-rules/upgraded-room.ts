import type { JsonObject, RoomId } from '#spec'
import type { CustomRuleKind } from './push-rule.ts'
import { type CustomPushRule, customRules, MAX_CUSTOM_RULES, type UserPushRules } from './user-push-rules.ts'

/** The kinds of rules that clients name after a room. */
const KINDS: readonly CustomRuleKind[] = ['override', 'room', 'underride']

/** The rules, and beside each that is named after the room `from` one for the room `to`. The same object if there is none to add. */
export const withRulesOfReplacement = (rules: UserPushRules, from: RoomId, to: RoomId): UserPushRules => {
  let count = KINDS.concat('content', 'sender').reduce((sum, kind) => sum + customRules(rules, kind).length, 0)
  let custom = rules.custom
  for (const kind of KINDS) {
    const listed = custom[kind] ?? []
    const at = listed.findIndex(({ ruleId }) => ruleId === from)
    const rule = listed[at]
    if (rule === undefined || listed.some(({ ruleId }) => ruleId === to) || count++ >= MAX_CUSTOM_RULES) continue
    custom = { ...custom, [kind]: listed.toSpliced(at, 0, ruleFor(rule, from, to)) }
  }
  return custom === rules.custom ? rules : { ...rules, custom }
}

const ruleFor = (rule: CustomPushRule, from: RoomId, to: RoomId): CustomPushRule => {
  const about = (condition: JsonObject): JsonObject => {
    const { key, pattern, value } = condition
    if (key !== 'room_id') return condition
    return { ...condition, ...(pattern === from ? { pattern: to } : {}), ...(value === from ? { value: to } : {}) }
  }
  const { conditions } = rule
  return { ...rule, ruleId: to, ...(conditions === undefined ? {} : { conditions: conditions.map(about) }) }
}
