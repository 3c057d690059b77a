import { loadAdminPages } from '#pages'
import { type DeviceId, MatrixError } from '#spec'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'
import { PEOPLE, type PeoplePageDeps, passwordTyped } from './people.ts'

type Deed = PageHandler<PeoplePageDeps>

const accountOf = ({ params }: Visit, { people }: PeoplePageDeps) => people.account(params.userId ?? '')

const toPerson = (userId: string, done?: string) => seeOther(at(PEOPLE, userId), done)

export const person: Deed = async (visit, deps) => {
  const { frameOf, personPage } = await loadAdminPages()
  const account = await accountOf(visit, deps)
  const { userId } = account
  const [row, details, rooms] = await Promise.all([
    deps.peopleView.person(userId),
    deps.people.details(account),
    deps.peopleView.memberships(userId),
  ])
  const apps = await deps.oauthClients.namesOf(details.devices)
  if (row === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
  return personPage(frameOf(visit), {
    person: row,
    hasPassword: account.passwordHash !== undefined,
    devices: details.devices.map((device) => ({ ...device, app: apps.get(device.oauthClient ?? '') })),
    addresses: details.addresses,
    identities: details.identities,
    rooms: rooms.filter(({ membership }) => membership === 'join').length,
    own: userId === visit.session.userId,
    limits: account,
    nowMs: visit.nowMs,
  })
}

const isTo = ({ fields }: Visit): boolean => fields.get('to') === 'yes'

export const lock: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  await deps.people.setLocked(actorOf(visit), account, isTo(visit))
  return toPerson(account.userId, isTo(visit) ? 'locked' : 'unlocked')
}

export const suspend: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  await deps.people.setSuspended(actorOf(visit), account, isTo(visit))
  return toPerson(account.userId, isTo(visit) ? 'suspended' : 'restored')
}

export const shadowBan: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  await deps.people.setShadowBanned(actorOf(visit), account, isTo(visit))
  return toPerson(account.userId, 'saved')
}

export const changeProfile: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  const displayName = visit.fields.get('display_name')?.trim() ?? ''
  await deps.modifyPerson.run(actorOf(visit), account, { displayName })
  return toPerson(account.userId, 'saved')
}

export const signOutEverywhere: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  await deps.people.endSessions(actorOf(visit), account, undefined)
  return toPerson(account.userId, 'signed-out')
}

export const removeDevice: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  await deps.people.endSessions(actorOf(visit), account, (visit.fields.get('device') ?? '') as DeviceId)
  return toPerson(account.userId, 'signed-out')
}

export const sendNotice: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  const body = visit.fields.get('text')?.trim() ?? ''
  if (body === '') throw new MatrixError('M_INVALID_PARAM', 'The notice has no text')
  const notice = { type: 'm.room.message', content: { msgtype: 'm.text', body } }
  await deps.administerServer.sendNotice(account.userId, notice, actorOf(visit))
  return toPerson(account.userId, 'notice-sent')
}

const addressTyped = ({ fields }: Visit) => ({
  medium: fields.get('medium') ?? '',
  address: fields.get('address')?.trim() ?? '',
})

export const addAddress: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  const { addresses } = await deps.people.details(account)
  await deps.modifyPerson.run(actorOf(visit), account, { addresses: [...addresses, addressTyped(visit)] })
  return toPerson(account.userId, 'saved')
}

export const removeAddress: Deed = async (visit, deps) => {
  const account = await accountOf(visit, deps)
  const gone = addressTyped(visit)
  const { addresses } = await deps.people.details(account)
  const left = addresses.filter(({ medium, address }) => medium !== gone.medium || address !== gone.address)
  await deps.modifyPerson.run(actorOf(visit), account, { addresses: left })
  return toPerson(account.userId, 'saved')
}

type DeedPages = Awaited<ReturnType<typeof loadAdminPages>>
type DeedView = Parameters<DeedPages['passwordDeedPage']>[1]

/** The page of a deed, again with what is wrong where it was refused. */
const askedBy =
  (
    page: (
      pages: DeedPages,
      visit: Visit,
      view: DeedView & { readonly admin: boolean },
    ) => ReturnType<DeedPages['passwordDeedPage']>,
  ) =>
  async (visit: Visit, deps: PeoplePageDeps, refusal?: DeedView['refusal']) => {
    const pages = await loadAdminPages()
    const { userId, admin } = await accountOf(visit, deps)
    return page(pages, visit, { userId, admin, refusal })
  }

const refusing =
  (ask: ReturnType<typeof askedBy>, act: Deed): Deed =>
  async (visit, deps) => {
    try {
      return await act(visit, deps)
    } catch (error) {
      if (!(error instanceof MatrixError) || error.status >= 500 || error.status === 404) throw error
      return ask(visit, deps, { status: 400, text: `${error.message}.` })
    }
  }

const passwordAsked = askedBy((pages, visit, view) => pages.passwordDeedPage(pages.frameOf(visit), view))
const adminAsked = askedBy((pages, visit, view) => pages.adminRightPage(pages.frameOf(visit), view))
const deactivateAsked = askedBy((pages, visit, view) => pages.deactivatePage(pages.frameOf(visit), view))
const redactAsked = askedBy((pages, visit, view) => pages.redactPersonPage(pages.frameOf(visit), view))
const reactivateAsked = askedBy((pages, visit, view) => pages.reactivatePage(pages.frameOf(visit), view))

export const askPassword: Deed = (visit, deps) => passwordAsked(visit, deps)
export const askAdmin: Deed = (visit, deps) => adminAsked(visit, deps)
export const askDeactivate: Deed = (visit, deps) => deactivateAsked(visit, deps)
export const askRedact: Deed = (visit, deps) => redactAsked(visit, deps)
export const askReactivate: Deed = (visit, deps) => reactivateAsked(visit, deps)

export const setPassword: Deed = refusing(passwordAsked, async (visit, deps) => {
  const account = await accountOf(visit, deps)
  const keepSessions = visit.fields.get('keep') === 'yes'
  await deps.people.setPassword(actorOf(visit), account, passwordTyped(visit), keepSessions)
  return toPerson(account.userId, 'password')
})

export const setAdmin: Deed = refusing(adminAsked, async (visit, deps) => {
  const account = await accountOf(visit, deps)
  await deps.people.setAdmin(actorOf(visit), account, isTo(visit))
  return toPerson(account.userId, isTo(visit) ? 'admin-given' : 'admin-taken')
})

export const deactivate: Deed = refusing(deactivateAsked, async (visit, deps) => {
  const account = await accountOf(visit, deps)
  if (visit.fields.get('confirmed')?.trim() !== account.userId)
    throw new MatrixError('M_INVALID_PARAM', 'What you typed is not the user id; nothing was changed')
  await deps.people.deactivate(actorOf(visit), account, visit.fields.get('erase') === 'yes')
  return toPerson(account.userId, 'deactivated')
})

const MOST_REDACTED = 1_000

export const redact: Deed = refusing(redactAsked, async (visit, deps) => {
  const { userId } = await accountOf(visit, deps)
  if (visit.fields.get('confirmed')?.trim() !== userId)
    throw new MatrixError('M_INVALID_PARAM', 'What you typed is not the user id; nothing was changed')
  const by = visit.session.userId
  const reason = visit.fields.get('reason')?.trim() ?? ''
  const wish = {
    ...{ user_id: userId, admin: by, rooms: [], reason: reason === '' ? null : reason, limit: MOST_REDACTED },
    ...{ use_admin: false, after_ts: null, before_ts: null },
  }
  const details = { reason: wish.reason, limit: wish.limit }
  const note = deps.auditLog.note({ ...actorOf(visit), action: 'user.redact', subject: userId, details })
  const job = await deps.jobs.start({ name: 'user.redact' }, wish, { by, also: [note] })
  return seeOther(at('/admin/jobs', job), 'started')
})

export const reactivate: Deed = refusing(reactivateAsked, async (visit, deps) => {
  const account = await accountOf(visit, deps)
  await deps.people.reactivate(actorOf(visit), account, passwordTyped(visit))
  return toPerson(account.userId, 'saved')
})
