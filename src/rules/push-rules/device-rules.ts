import type { PushRuleset } from './push-rule.ts'
import { customRules, type UserPushRules } from './user-push-rules.ts'

/**
 * The rules of one scope, to be read and changed like those of all devices. Those of a profile tag, which only the document of 2015 has, go before
 * the global ones where a pusher with that tag is told of an event; none of them is predefined.
 */
export const rulesOfScope = (rules: UserPushRules, profileTag: string | undefined): UserPushRules => {
  if (profileTag === undefined) return rules
  const { devices = {} } = rules
  return { custom: Object.hasOwn(devices, profileTag) ? (devices[profileTag] ?? {}) : {}, defaults: {} }
}

/** The user's rules with those of one scope changed; a tag without rules is forgotten. */
export const withScope = (
  rules: UserPushRules,
  profileTag: string | undefined,
  changed: UserPushRules,
): UserPushRules => {
  if (profileTag === undefined) return changed
  const { custom } = changed
  const isEmpty = Object.values(custom).every((listed) => listed.length === 0)
  const others = Object.entries(rules.devices ?? {}).filter(([tag]) => tag !== profileTag)
  return { ...rules, devices: Object.fromEntries(isEmpty ? others : [...others, [profileTag, custom]]) }
}

/** The rules by profile tag: `device` of the answer of 2015. */
export const deviceRulesets = (rules: UserPushRules): ReadonlyMap<string, PushRuleset> =>
  new Map(Object.keys(rules.devices ?? {}).map((tag) => [tag, deviceRulesetOf(rules, tag)]))

export const deviceRulesetOf = (rules: UserPushRules, profileTag: string): PushRuleset => {
  const scoped = rulesOfScope(rules, profileTag)
  return {
    override: customRules(scoped, 'override'),
    content: customRules(scoped, 'content'),
    room: customRules(scoped, 'room'),
    sender: customRules(scoped, 'sender'),
    underride: customRules(scoped, 'underride'),
  }
}
