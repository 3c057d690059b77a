import { compileGlob, foldText, type GlobMatcher } from '#rules'
import { type JsonObject, stringAt } from '#spec'

export type PolicyKind = 'user' | 'room' | 'server'

/** One rule of a policy room (module "Moderation policy lists"). */
export interface PolicyRule {
  readonly kind: PolicyKind
  /** An id or a name, or a glob of them. */
  readonly entity: string
  readonly reason: string | undefined
}

/** The types of rules, with those of before the specification had any. */
export const RULE_TYPES: readonly (readonly [type: string, kind: PolicyKind])[] = [
  ['m.policy.rule.room', 'room'],
  ['m.policy.rule.server', 'server'],
  ['m.policy.rule.user', 'user'],
  ['m.room.rule.room', 'room'],
  ['m.room.rule.server', 'server'],
  ['m.room.rule.user', 'user'],
  ['org.matrix.mjolnir.rule.room', 'room'],
  ['org.matrix.mjolnir.rule.server', 'server'],
  ['org.matrix.mjolnir.rule.user', 'user'],
]

const BANS: readonly string[] = ['m.ban', 'org.matrix.mjolnir.ban']
const MAX_ENTITY = 255
const MAX_REASON = 500

/** undefined for an entry that recommends no ban, as also one that was taken back. */
export const ruleOf = (kind: PolicyKind, content: JsonObject): PolicyRule | undefined => {
  const entity = stringAt(content, 'entity')
  const recommendation = stringAt(content, 'recommendation')
  if (entity === undefined || entity === '' || entity.length > MAX_ENTITY) return undefined
  if (recommendation === undefined || !BANS.includes(recommendation)) return undefined
  return { kind, entity, reason: stringAt(content, 'reason')?.slice(0, MAX_REASON) }
}

/** Globs of one kind in one list that count; each is tried for every name that no rule names. */
const MAX_GLOBS = 2_000

interface OfKind {
  readonly names: Set<string>
  readonly globs: GlobMatcher[]
}

/** The rules of one list, ready to be asked. */
export class CompiledRules {
  readonly #kinds: Readonly<Record<PolicyKind, OfKind>> = {
    user: { names: new Set(), globs: [] },
    room: { names: new Set(), globs: [] },
    server: { names: new Set(), globs: [] },
  }
  /** How many globs were too many. */
  readonly leftOut: number

  constructor(rules: readonly PolicyRule[]) {
    let leftOut = 0
    for (const { kind, entity } of rules) {
      const { names, globs } = this.#kinds[kind]
      if (!/[*?]/.test(entity)) names.add(entity.toLowerCase())
      else if (globs.length < MAX_GLOBS) globs.push(compileGlob(entity))
      else leftOut += 1
    }
    this.leftOut = leftOut
  }

  bans(kind: PolicyKind, name: string): boolean {
    const { names, globs } = this.#kinds[kind]
    if (names.has(name.toLowerCase())) return true
    if (globs.length === 0) return false
    const folded = foldText(name)
    return globs.some((matches) => matches(folded))
  }

  /** A port counts only where the rule has one. */
  bansServer(server: string): boolean {
    const bare = server.replace(/:\d+$/, '')
    return this.bans('server', server) || (bare !== server && this.bans('server', bare))
  }
}
