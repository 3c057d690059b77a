import Type from 'typebox'
import type { PushRules, RulesOwner } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, oldPaths, RawJson, type Requester, user, v3 } from '#http'
import { type JsonObject, type JsonValue, MatrixError } from '#spec'

export interface PushRulesDeps {
  readonly pushRules: Pick<PushRules, 'ruleset' | 'devices' | 'rule' | 'put' | 'remove' | 'change'>
}

const KINDS = ['override', 'content', 'postcontent', 'room', 'sender', 'underride'] as const

/** Throws `M_NOT_FOUND` for an unknown kind: there are no rules of it, and no place for any. */
const kindOf = ({ kind }: { readonly kind: string }): (typeof KINDS)[number] => {
  const known = KINDS.find((one) => one === kind)
  if (known === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such kind of push rules')
  return known
}

/** Only paths of 2015 have a scope other than `global`, or the tag of a device. */
const SCOPE = {
  scope: Type.Optional(Type.String()),
  profileTag: Type.Optional(Type.String({ maxLength: 255 })),
}
const KIND = Type.Object({ ...SCOPE, kind: Type.String() })
const RULE = Type.Object({ ...SCOPE, kind: Type.String(), ruleId: Type.String() })

const MAX_ACTIONS = 32
/** `notify`, or an object such as `{set_tweak, value?}`; unknown ones are kept and do nothing. */
const ACTIONS = Type.Array(Type.Unsafe<JsonValue>({ type: ['string', 'object'] }), { maxItems: MAX_ACTIONS })
/** Unknown kinds are kept: a rule with such a condition matches nothing ("Conditions"). */
const CONDITIONS = Type.Array(
  Type.Unsafe<JsonObject>({ type: 'object', required: ['kind'], properties: { kind: { type: 'string' } } }),
)
const BODY_LIMIT_BYTES = 16 * 1024

/** In 2015 rules were below a scope: `global`, or `device/<profile_tag>` for the pushers with that tag. */
const below = (path: string) =>
  [
    ...v3(`/pushrules/global${path}`),
    ...oldPaths(`/pushrules/:scope${path}`),
    ...oldPaths(`/pushrules/device/:profileTag${path}`),
  ] as const
/** The specification has a slash at the end of the lists, and some clients leave it out. */
const bothEnds = (paths: readonly string[]) => paths.flatMap((path) => [`${path}/`, path]) as [string, ...string[]]

const RULE_PATHS = below('/:kind/:ruleId')
const ENABLED_PATHS = below('/:kind/:ruleId/enabled')
const ACTIONS_PATHS = below('/:kind/:ruleId/actions')

interface Scope {
  readonly scope?: string
  readonly profileTag?: string
}

/** The user and the scope of the rules. */
const ownerOf = ({ user, userId }: Requester, { scope = 'global', profileTag }: Scope): RulesOwner => {
  if (scope !== 'global' || profileTag === '')
    throw new MatrixError('M_UNRECOGNIZED', 'Push rules have the scopes global and device/<profile_tag>')
  return { user, userId, profileTag }
}

/** `pushrules.yaml`. */
export const pushRulesEndpoints = (deps: PushRulesDeps): readonly AnyEndpoint[] => [
  ...listEndpoints(deps),
  ...ruleEndpoints(deps),
  ...partEndpoints(deps),
]

type Ruleset = Awaited<ReturnType<PushRules['ruleset']>>
type Rules = NonNullable<Ruleset[keyof Ruleset]>

/** The conditions of 2015. Clients of that time take all others as fulfilled, and would notify of every message. */
const CONDITIONS_2015: ReadonlySet<unknown> = new Set([
  'event_match',
  'profile_tag',
  'device',
  'contains_display_name',
  'room_member_count',
])

/** The rules for the clients of a path: those of 2015 get no rules with conditions that they do not know. */
const rulesFor = (path: string, rules: Rules): Rules =>
  isOldPath(path)
    ? rules.filter(({ conditions }) => conditions?.every(({ kind }) => CONDITIONS_2015.has(kind)) ?? true)
    : rules

const rulesetFor = (path: string, ruleset: Ruleset): Record<string, Rules> =>
  Object.fromEntries(Object.entries(ruleset).map(([kind, rules]) => [kind, rulesFor(path, rules)]))

const listEndpoints = ({ pushRules }: PushRulesDeps): readonly AnyEndpoint[] => {
  const devicesFor = async (path: string, requester: Requester): Promise<Record<string, unknown>> =>
    Object.fromEntries([...(await pushRules.devices(requester))].map(([tag, rules]) => [tag, rulesetFor(path, rules)]))
  return [
    endpoint({
      method: 'GET',
      paths: bothEnds([...v3('/pushrules'), ...oldPaths('/pushrules')]),
      auth: user(),
      rateLimit: 'read',
      handler: async ({ requester, path }) => {
        const global = rulesetFor(path, await pushRules.ruleset(requester))
        // Clients of 2015 need the member `device`.
        const all = isOldPath(path) ? { global, device: await devicesFor(path, requester) } : { global }
        return new RawJson(JSON.stringify(all))
      },
    }),
    endpoint({
      method: 'GET',
      paths: bothEnds(below('')),
      auth: user(),
      rateLimit: 'read',
      params: Type.Object(SCOPE),
      handler: async ({ requester, params, path }) => {
        if (params.scope === 'device' || params.profileTag === '')
          return new RawJson(JSON.stringify(await devicesFor(path, requester)))
        return new RawJson(JSON.stringify(rulesetFor(path, await pushRules.ruleset(ownerOf(requester, params)))))
      },
    }),
    endpoint({
      // Removed from the official data, but old clients ask for it and other homeservers serve it.
      method: 'GET',
      paths: bothEnds(below('/:kind')),
      auth: user(),
      rateLimit: 'read',
      params: KIND,
      handler: async ({ requester, params, path }) => {
        return new RawJson(
          JSON.stringify(rulesFor(path, (await pushRules.ruleset(ownerOf(requester, params)))[kindOf(params)] ?? [])),
        )
      },
    }),
  ]
}

const ruleEndpoints = ({ pushRules }: PushRulesDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: RULE_PATHS,
    auth: user(),
    rateLimit: 'read',
    params: RULE,
    handler: async ({ requester, params }) => {
      return new RawJson(
        JSON.stringify(await pushRules.rule(ownerOf(requester, params), kindOf(params), params.ruleId)),
      )
    },
  }),
  endpoint({
    method: 'PUT',
    paths: RULE_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: RULE,
    query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
    body: Type.Object({
      actions: ACTIONS,
      conditions: Type.Optional(CONDITIONS),
      pattern: Type.Optional(Type.String()),
    }),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ requester, params, query, body }) => {
      const { actions, conditions, pattern } = body
      const rule = {
        actions,
        ...(conditions === undefined ? {} : { conditions }),
        ...(pattern === undefined ? {} : { pattern }),
      }
      const kind = kindOf(params)
      if (kind === 'postcontent')
        throw new MatrixError('M_INVALID_PARAM', 'Rules of the kind postcontent are predefined (MSC4306)')
      await pushRules.put(ownerOf(requester, params), kind, params.ruleId, rule, query)
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: RULE_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: RULE,
    handler: async ({ requester, params }) => {
      await pushRules.remove(ownerOf(requester, params), kindOf(params), params.ruleId)
      return {}
    },
  }),
]

const partEndpoints = ({ pushRules }: PushRulesDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ENABLED_PATHS,
    auth: user(),
    rateLimit: 'read',
    params: RULE,
    handler: async ({ requester, params }): Promise<{ enabled: boolean }> => {
      return { enabled: (await pushRules.rule(ownerOf(requester, params), kindOf(params), params.ruleId)).enabled }
    },
  }),
  endpoint({
    method: 'PUT',
    paths: ENABLED_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: RULE,
    body: Type.Object({ enabled: Type.Boolean() }),
    bareBody: 'enabled',
    handler: async ({ requester, params, body }) => {
      await pushRules.change(ownerOf(requester, params), kindOf(params), params.ruleId, { enabled: body.enabled })
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: ACTIONS_PATHS,
    auth: user(),
    rateLimit: 'read',
    params: RULE,
    handler: async ({ requester, params }): Promise<{ actions: readonly JsonValue[] }> => {
      return { actions: (await pushRules.rule(ownerOf(requester, params), kindOf(params), params.ruleId)).actions }
    },
  }),
  endpoint({
    method: 'PUT',
    paths: ACTIONS_PATHS,
    auth: user(),
    rateLimit: 'other',
    params: RULE,
    body: Type.Object({ actions: ACTIONS }),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ requester, params, body }) => {
      await pushRules.change(ownerOf(requester, params), kindOf(params), params.ruleId, { actions: body.actions })
      return {}
    },
  }),
]
