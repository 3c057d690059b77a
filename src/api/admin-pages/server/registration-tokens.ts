import type { Random } from '#base'
import type { ManageRegistrationTokens } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError } from '#spec'
import { csvReply, isoOf, nextOffset, offsetOf, orderOf, PAGE_ROWS, stateOf, textOf } from '../lists.ts'
import { actorOf, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface RegistrationTokensPageDeps {
  readonly registrationTokens: ManageRegistrationTokens
  readonly tokensNeeded: boolean
  readonly random: Pick<Random, 'token'>
}

type Token = Awaited<ReturnType<ManageRegistrationTokens['list']>>[number]

const SECTION = '/admin/registration-tokens'
const RANDOM_LENGTH = 16

const BY = {
  token: ({ token: one }: Token, { token: other }: Token) => (one < other ? -1 : one > other ? 1 : 0),
  uses: (one: Token, other: Token) => one.uses - other.uses,
  expires: (one: Token, other: Token) => (one.expiresAtMs ?? Infinity) - (other.expiresAtMs ?? Infinity) || 0,
}

const isValid = ({ uses, usesAllowed, expiresAtMs }: Token, nowMs: number): boolean =>
  uses < (usesAllowed ?? Infinity) && nowMs < (expiresAtMs ?? Infinity)

/** There are ten thousand at most. */
const found = async (visit: Visit, deps: RegistrationTokensPageDeps): Promise<readonly Token[]> => {
  const { order, descending } = orderOf(visit, ['token', 'uses', 'expires'], { order: 'token', descending: false })
  const term = textOf(visit.query.q)
  const all = (await deps.registrationTokens.list()).filter(({ token }) => term === undefined || token.includes(term))
  const sorted = all.toSorted(BY[order])
  return descending ? sorted.reverse() : sorted
}

const shown = async (
  visit: Visit,
  deps: RegistrationTokensPageDeps,
  about: {
    readonly typed?: { readonly token: string; readonly uses: string; readonly expires: string }
    readonly refusal?: { readonly status: number; readonly text: string }
  } = {},
) => {
  const { frameOf, registrationTokensPage } = await loadAdminPages()
  const all = await found(visit, deps)
  const offset = offsetOf(visit)
  const rows = all.slice(offset, offset + PAGE_ROWS)
  return registrationTokensPage(frameOf(visit), {
    ...about,
    state: stateOf(visit),
    needed: deps.tokensNeeded,
    rows: rows.map((token) => ({ ...token, valid: isValid(token, visit.nowMs) })),
    total: all.length,
    next: nextOffset(offset, rows.length, all.length),
  })
}

export const registrationTokens: PageHandler<RegistrationTokensPageDeps> = shown

export const registrationTokensCsv: PageHandler<RegistrationTokensPageDeps> = async (visit, deps) => {
  const all = await found(visit, deps)
  return csvReply<Token>(
    'registration-tokens',
    {
      token: ({ token }) => token,
      uses: ({ uses }) => uses,
      allowed: ({ usesAllowed }) => usesAllowed,
      expires: ({ expiresAtMs }) => isoOf(expiresAtMs),
    },
    (async function* () {
      yield all
    })(),
  )
}

/** Throws `M_INVALID_PARAM` for what is no such limit. */
const limitsOf = ({ uses, expires }: { readonly uses: string; readonly expires: string }) => {
  const number = Number(uses)
  if (uses !== '' && !(/^\d+$/.test(uses) && number >= 1 && Number.isSafeInteger(number)))
    throw new MatrixError('M_INVALID_PARAM', 'How often it may be used is a whole number from 1')
  const expiresAtMs = Date.parse(`${expires}Z`)
  if (expires !== '' && Number.isNaN(expiresAtMs)) throw new MatrixError('M_INVALID_PARAM', 'This is no such time')
  return { ...(uses === '' ? {} : { uses: number }), ...(expires === '' ? {} : { expiresAtMs }) }
}

export const makeRegistrationToken: PageHandler<RegistrationTokensPageDeps> = async (visit, deps) => {
  const given = (name: string): string => visit.fields.get(name)?.trim() ?? ''
  const typed = { token: given('token'), uses: given('uses'), expires: given('expires') }
  try {
    const token = typed.token === '' ? deps.random.token(RANDOM_LENGTH) : typed.token
    const limits = limitsOf(typed)
    await deps.registrationTokens.create(actorOf(visit), token, limits)
    return seeOther(SECTION, 'token-made')
  } catch (error) {
    if (!(error instanceof MatrixError) || error.status >= 500) throw error
    return shown(visit, deps, { typed, refusal: { status: 400, text: `${error.message}.` } })
  }
}

export const revokeRegistrationToken: PageHandler<RegistrationTokensPageDeps> = async (visit, deps) => {
  const token = visit.fields.get('token') ?? ''
  await deps.registrationTokens.revoke(actorOf(visit), token)
  return seeOther(SECTION, 'token-revoked')
}
