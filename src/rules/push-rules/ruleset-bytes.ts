import { MAX_PATH_LENGTH } from './push-candidate.ts'
import { type CustomRuleKind, isEffective, PUSH_RULE_KINDS, type PushRuleset } from './push-rule.ts'

/** Objects and closures of a compiled rule, condition, action and name of a path, as measured; texts come on top. */
const RULE_BYTES: Readonly<Record<CustomRuleKind, number>> = {
  override: 350,
  content: 700,
  room: 250,
  sender: 250,
  underride: 350,
}
const CONDITION_BYTES = 450
const ACTION_BYTES = 150
const NAME_BYTES = 40

/** The most bytes that an evaluator of the ruleset takes, without the texts of the rules themselves. */
export const rulesetBytes = (ruleset: PushRuleset): number => {
  let bytes = 0
  for (const kind of PUSH_RULE_KINDS) {
    for (const { default: isPredefined, conditions = [], actions } of ruleset[kind]) {
      bytes += actions.filter(isEffective).length * ACTION_BYTES
      // Most of these are compiled once for everybody.
      if (isPredefined) continue
      bytes += RULE_BYTES[kind]
      for (const { key } of conditions) bytes += CONDITION_BYTES + namesIn(key) * NAME_BYTES
    }
  }
  return bytes
}

const namesIn = (key: unknown): number =>
  typeof key === 'string' && key.length <= MAX_PATH_LENGTH ? key.split('.').length : 0
