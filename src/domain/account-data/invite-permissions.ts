import { type CacheStats, LatestValues, type Slice, type Slices, textBytes } from '#base'
import { compileGlob, foldText, type GlobMatcher, type Steps } from '#rules'
import { isJsonObject, type JsonValue, serverOf, type UserId } from '#spec'
import type { AccountDataReader, UserNumber } from '#store'
import type { IgnoredUsers } from './ignored-users.ts'
import { type News, onAccountDataOf } from './news.ts'

/** `block`: refused with an error. `ignore`: accepted, and not shown to the invited user. */
export type InviteVerdict = 'allow' | 'ignore' | 'block'

const PERMISSION = 'm.invite_permission_config'
/** MSC4155. */
const FILTER = 'org.matrix.msc4155.invite_permission_config'

/** The lists of MSC4155; the first that has the inviter decides. */
const LISTS = [
  { name: 'allowed_users', of: 'user', verdict: 'allow' },
  { name: 'ignored_users', of: 'user', verdict: 'ignore' },
  { name: 'blocked_users', of: 'user', verdict: 'block' },
  { name: 'allowed_servers', of: 'server', verdict: 'allow' },
  { name: 'ignored_servers', of: 'server', verdict: 'ignore' },
  { name: 'blocked_servers', of: 'server', verdict: 'block' },
] as const

/** User ids have no more; longer patterns match nobody. */
const MAX_PATTERN_LENGTH = 255
/** Of all lists together. Names without a star or question mark are looked up, however many there are; patterns beyond this number are not used. */
const MAX_GLOBS = 1_000
/** The most work for one judgement, some milliseconds. */
const MAX_STEPS = 4_000_000

const CACHE_BYTES = 16 * 1024 * 1024
const ENTRY_BYTES = 40
const GLOB_BYTES = 400

interface Rule {
  readonly of: 'user' | 'server'
  readonly verdict: InviteVerdict
  readonly names: ReadonlySet<string>
  readonly globs: readonly GlobMatcher[]
}

interface Permission {
  readonly blocksAll: boolean
  readonly rules: readonly Rule[]
  readonly sizeBytes: number
}

export interface InvitePermissionsParts {
  readonly reader: AccountDataReader
  readonly ignored: Pick<IgnoredUsers, 'ignoredBy'>
  /** The user who speaks for the server, whose invites everybody takes. */
  readonly speaker: UserId | undefined
  readonly news: News
  readonly slices: Slices
}

/** By whom a user may be invited: module "Invite permission", MSC4155, and module "Ignoring Users". */
export class InvitePermissions {
  readonly #parts: InvitePermissionsParts
  readonly #permissions = new LatestValues<UserNumber, Permission>({
    name: 'invite-permissions',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ sizeBytes }) => sizeBytes,
  })

  constructor(parts: InvitePermissionsParts) {
    this.#parts = parts
    onAccountDataOf(parts.news, (user) => (user === 'all' ? this.#permissions.clear() : this.#permissions.forget(user)))
  }

  async verdict(user: UserNumber, from: UserId): Promise<InviteVerdict> {
    if (from === this.#parts.speaker) return 'allow'
    const permission = await this.#permission(user)
    const verdict = verdictIn(permission, from)
    if (verdict !== 'allow') return verdict
    return (await this.#parts.ignored.ignoredBy(user)).has(from) ? 'ignore' : 'allow'
  }

  /** Whether the user is shown all invites, whoever they are from. */
  async showsAll(user: UserNumber): Promise<boolean> {
    const { blocksAll, rules } = await this.#permission(user)
    return !blocksAll && rules.length === 0 && (await this.#parts.ignored.ignoredBy(user)).size === 0
  }

  stats(): CacheStats {
    return this.#permissions.stats()
  }

  #permission(user: UserNumber): Promise<Permission> {
    return this.#permissions.get(user, async () => {
      const { reader, slices } = this.#parts
      const [permission, filter] = await Promise.all([reader.global(user, PERMISSION), reader.global(user, FILTER)])
      const said = contentOf(permission?.contentJson)
      const blocksAll = isJsonObject(said) && said.default_action === 'block'
      const lists = contentOf(filter?.contentJson)
      return { blocksAll, ...(await rulesIn(lists, slices.begin())) }
    })
  }
}

const contentOf = (json: string | undefined): JsonValue | undefined =>
  json === undefined ? undefined : (JSON.parse(json) as JsonValue)

const verdictIn = ({ blocksAll, rules }: Permission, from: UserId): InviteVerdict => {
  if (blocksAll) return 'block'
  if (rules.length === 0) return 'allow'
  const names = { user: foldText(from), server: foldText(serverOf(from)) }
  const steps: Steps = { left: MAX_STEPS }
  const rule = rules.find(({ of, names: exact, globs }) => {
    const name = names[of]
    return exact.has(name.text) || globs.some((matches) => matches(name, steps))
  })
  return rule?.verdict ?? 'allow'
}

/** The lists may have ten thousands of entries, of any kind: clients wrote them. */
const rulesIn = async (content: JsonValue | undefined, slice: Slice): Promise<Omit<Permission, 'blocksAll'>> => {
  const rules: Rule[] = []
  let sizeBytes = 200
  let globsLeft = MAX_GLOBS
  for (const { name, of, verdict } of LISTS) {
    const list = isJsonObject(content) && Object.hasOwn(content, name) ? content[name] : undefined
    if (!Array.isArray(list)) continue
    const names = new Set<string>()
    const globs: GlobMatcher[] = []
    for (const pattern of list) {
      if (slice.isOver()) await slice.next()
      if (typeof pattern !== 'string' || pattern === '' || pattern.length > MAX_PATTERN_LENGTH) continue
      if (!/[*?]/.test(pattern)) {
        const folded = pattern.toLowerCase()
        if (!names.has(folded)) sizeBytes += ENTRY_BYTES + textBytes(folded)
        names.add(folded)
      } else if (globsLeft > 0) {
        globs.push(compileGlob(pattern))
        globsLeft -= 1
        sizeBytes += GLOB_BYTES + textBytes(pattern)
      }
    }
    if (names.size > 0 || globs.length > 0) rules.push({ of, verdict, names, globs })
  }
  return { rules, sizeBytes }
}
