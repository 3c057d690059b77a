import { MOST_MESSAGES, USER_TYPES } from '#domain'
import type { Answer } from '#http'
import { loadAdminPages } from '#pages'
import { MatrixError } from '#spec'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'
import { PEOPLE, type PeoplePageDeps } from './people.ts'

type Page = PageHandler<PeoplePageDeps>
type Account = Awaited<ReturnType<PeoplePageDeps['people']['account']>>

const accountOf = ({ params }: Visit, { people }: PeoplePageDeps) => people.account(params.userId ?? '')

const shown = async (visit: Visit, { userId, ...account }: Account, refusal?: string) => {
  const { frameOf, personLimitsPage } = await loadAdminPages()
  const { rateLimit, expiresAtMs, userType } = account
  return personLimitsPage(frameOf(visit), {
    ...{ userId, rateLimit, expiresAtMs, userType },
    own: userId === visit.session.userId,
    nowMs: visit.nowMs,
    types: USER_TYPES,
    typed: visit.fields,
    refusal: refusal === undefined ? undefined : { status: 400, text: refusal },
  })
}

export const askLimits: Page = async (visit, deps) => shown(visit, await accountOf(visit, deps))

/** Does a deed and shows the page again; a refusal shows it with the reason and with what was typed. */
const deed =
  (act: (visit: Visit, deps: PeoplePageDeps, account: Account) => Promise<void>): Page =>
  async (visit, deps): Promise<Answer> => {
    const account = await accountOf(visit, deps)
    try {
      await act(visit, deps, account)
    } catch (error) {
      if (!(error instanceof MatrixError) || error.status >= 500) throw error
      return shown(visit, account, `${error.message}.`)
    }
    return seeOther(at(PEOPLE, account.userId, 'limits'), 'saved')
  }

const clears = ({ fields }: Visit): boolean => fields.get('clear') === 'yes'

/** Throws `M_INVALID_PARAM` for what is no such number. */
const numberTyped = ({ fields }: Visit, name: string, what: string): number => {
  const text = fields.get(name)?.trim() ?? ''
  if (!/^\d{1,7}$/.test(text) || Number(text) > MOST_MESSAGES)
    throw new MatrixError('M_INVALID_PARAM', `${what} are a whole number from 0 to ${MOST_MESSAGES}`)
  return Number(text)
}

export const setLimits: Page = deed((visit, { people }, account) => {
  if (clears(visit)) return people.setRateLimit(actorOf(visit), account, undefined)
  const perSecond = numberTyped(visit, 'per_second', 'Messages a second')
  const burst = numberTyped(visit, 'burst', 'Messages at once')
  return people.setRateLimit(actorOf(visit), account, { perSecond, burst })
})

/** A time as the field of a browser gives it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/

export const setValidity: Page = deed((visit, { people }, account) => {
  if (clears(visit)) return people.setExpiry(actorOf(visit), account, undefined)
  const typed = visit.fields.get('until')?.trim() ?? ''
  const untilMs = TIME.test(typed) ? Date.parse(`${typed}Z`) : Number.NaN
  if (Number.isNaN(untilMs) || untilMs < 0) throw new MatrixError('M_INVALID_PARAM', 'This is no such time')
  return people.setExpiry(actorOf(visit), account, untilMs)
})

export const setType: Page = deed((visit, { people }, account) => {
  const type = visit.fields.get('type') ?? ''
  return people.setType(actorOf(visit), account, type === '' ? undefined : type)
})
