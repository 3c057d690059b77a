import type { ReviewRegistrations } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError, parseUserId, type UserId } from '#spec'
import { csvReply, isoOf, numberOf, PAGE_ROWS, stateOf, textOf } from '../lists.ts'
import { actorOf, type PageHandler, seeOther } from '../visit.ts'

export interface RegistrationsPageDeps {
  readonly registrations: Pick<ReviewRegistrations, 'waiting' | 'approve' | 'refuse'>
  readonly approvalNeeded: boolean
}

const SECTION = '/admin/registrations'
/** As many as are told at once. */
const EXPORTED_AT_ONCE = 100

type Waiting = Awaited<ReturnType<ReviewRegistrations['waiting']>>[number]

export const registrations: PageHandler<RegistrationsPageDeps> = async (visit, deps) => {
  const { frameOf, registrationsPage } = await loadAdminPages()
  const rows = await deps.registrations.waiting({ after: numberOf(visit.query.from, 0), limit: PAGE_ROWS })
  const last = rows.at(-1)
  return registrationsPage(frameOf(visit), {
    needed: deps.approvalNeeded,
    state: stateOf(visit),
    rows: rows.map(({ account: { userId, createdAtMs }, addresses }) => ({
      ...{ userId, createdAtMs },
      addresses: addresses.map(({ address }) => address),
    })),
    next: rows.length < PAGE_ROWS || last === undefined ? undefined : String(last.account.user),
  })
}

async function* allWaiting({ registrations: all }: RegistrationsPageDeps) {
  let after = 0
  for (;;) {
    const page = await all.waiting({ after, limit: EXPORTED_AT_ONCE })
    yield page
    const last = page.at(-1)
    if (page.length < EXPORTED_AT_ONCE || last === undefined) return
    after = last.account.user
  }
}

export const registrationsCsv: PageHandler<RegistrationsPageDeps> = async (_visit, deps) =>
  csvReply<Waiting>(
    'registrations',
    {
      user_id: ({ account }) => account.userId,
      since: ({ account }) => isoOf(account.createdAtMs),
      addresses: ({ addresses }) => addresses.map(({ address }) => address).join(' '),
    },
    allWaiting(deps),
  )

/** Throws `M_INVALID_PARAM`. */
const userIn = (text: string | undefined): UserId => {
  const userId = parseUserId(text ?? '')
  if (userId === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no user id')
  return userId
}

export const approveRegistration: PageHandler<RegistrationsPageDeps> = async (visit, deps) => {
  await deps.registrations.approve(actorOf(visit), userIn(visit.fields.get('user')))
  return seeOther(SECTION, 'approved')
}

export const askRefuseRegistration: PageHandler<RegistrationsPageDeps> = async (visit) => {
  const { frameOf, refuseRegistrationPage } = await loadAdminPages()
  return refuseRegistrationPage(frameOf(visit), userIn(visit.query.user))
}

export const refuseRegistration: PageHandler<RegistrationsPageDeps> = async (visit, deps) => {
  await deps.registrations.refuse(actorOf(visit), userIn(visit.fields.get('user')), textOf(visit.fields.get('reason')))
  return seeOther(SECTION, 'refused')
}
