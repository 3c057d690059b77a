import { isJsonObject, type JsonObject, type JsonValue } from '#spec'

/** The kinds of rules that users may have, in the order in which they are asked (client-server API, "Push Rules"). */
export const PUSH_RULE_KINDS = ['override', 'content', 'room', 'sender', 'underride'] as const
export type CustomRuleKind = (typeof PUSH_RULE_KINDS)[number]
/** MSC4306: rules of the kind `postcontent` are predefined, and asked between `content` and `room`. */
export type PushRuleKind = CustomRuleKind | 'postcontent'

/** A push rule as it stands on the wire (`push_rule.yaml`). */
export interface PushRule {
  readonly rule_id: string
  readonly default: boolean
  readonly enabled: boolean
  /** `notify`, or `{set_tweak, value?}`; others pass through unread. */
  readonly actions: readonly JsonValue[]
  /** Only in `override` and `underride` rules: all must hold. */
  readonly conditions?: readonly JsonObject[]
  /** Only in `content` rules: a glob that `content.body` is searched for. */
  readonly pattern?: string
}

/** All rules of a user, each kind in order of importance. */
export type PushRuleset = { readonly [Kind in CustomRuleKind]: readonly PushRule[] } & {
  /** Only for users who subscribed to threads. */
  readonly postcontent?: readonly PushRule[]
}

/** Actions that say something to whoever tells of events: others are kept for the user, historical ones among them ("Historical Actions"). */
export const isEffective = (action: JsonValue): boolean =>
  action === 'notify' || (isJsonObject(action) && typeof action.set_tweak === 'string')
