import type { AdministerPeople, AdministerServer, AuditLog, Jobs, ModifyPerson, OAuthClients } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError } from '#spec'
import type { People } from '#views'
import { csvReply, isoOf, nextOffset, offsetOf, orderOf, PAGE_ROWS, pagesOf, stateOf, textOf } from '../lists.ts'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface PeoplePageDeps {
  readonly people: AdministerPeople
  readonly oauthClients: Pick<OAuthClients, 'namesOf'>
  readonly modifyPerson: Pick<ModifyPerson, 'run'>
  readonly administerServer: Pick<AdministerServer, 'sendNotice'>
  readonly jobs: Pick<Jobs, 'start'>
  readonly auditLog: Pick<AuditLog, 'note'>
  readonly peopleView: Pick<People, 'list' | 'person' | 'memberships'>
}

export const PEOPLE = '/admin/people'

type Person = Awaited<ReturnType<People['list']>>['rows'][number]

const ORDERS = ['name', 'displayname', 'creation_ts', 'last_seen_ts'] as const

const SHOWN: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  active: { deactivated: false },
  admins: { admins: true },
  guests: { guests: true },
  locked: { locked: true },
  deactivated: { deactivated: true },
}

const questionOf = (visit: Visit) => {
  const term = textOf(visit.query.q)
  return {
    ...orderOf(visit, ORDERS, { order: 'name', descending: false }),
    ...(term === undefined ? {} : term.startsWith('@') ? { id: term } : { named: term }),
    ...SHOWN[visit.query.show ?? ''],
  }
}

export const people: PageHandler<PeoplePageDeps> = async (visit, deps) => {
  const { frameOf, peoplePage } = await loadAdminPages()
  const from = offsetOf(visit)
  const { rows, total } = await deps.peopleView.list({ ...questionOf(visit), from, limit: PAGE_ROWS })
  return peoplePage(frameOf(visit), { state: stateOf(visit), rows, total, next: nextOffset(from, rows.length, total) })
}

export const peopleCsv: PageHandler<PeoplePageDeps> = async (visit, deps) => {
  const question = questionOf(visit)
  return csvReply<Person>(
    'people',
    {
      user_id: ({ userId }) => userId,
      display_name: ({ displayName }) => displayName,
      admin: ({ admin }) => admin,
      guest: ({ guest }) => guest,
      type: ({ userType }) => userType,
      locked: ({ locked }) => locked,
      suspended: ({ suspended }) => suspended,
      shadow_banned: ({ shadowBanned }) => shadowBanned,
      deactivated: ({ deactivated }) => deactivated,
      erased: ({ erased }) => erased,
      made: ({ createdAtMs }) => isoOf(createdAtMs),
      last_seen: ({ lastSeenAtMs }) => isoOf(lastSeenAtMs),
    },
    pagesOf(async (from, limit) => (await deps.peopleView.list({ ...question, from, limit })).rows),
  )
}

/** Throws `M_INVALID_PARAM`. */
export const passwordTyped = ({ fields }: Pick<Visit, 'fields'>): string => {
  const password = fields.get('password') ?? ''
  if (password === '') throw new MatrixError('M_INVALID_PARAM', 'The password is empty')
  if (password !== fields.get('repeated')) throw new MatrixError('M_INVALID_PARAM', 'The two passwords differ')
  return password
}

export const newPerson: PageHandler<PeoplePageDeps> = async (visit) => {
  const { frameOf, newPersonPage } = await loadAdminPages()
  return newPersonPage(frameOf(visit), {})
}

export const makePerson: PageHandler<PeoplePageDeps> = async (visit, { people }) => {
  const typed = {
    name: visit.fields.get('name')?.trim() ?? '',
    displayName: visit.fields.get('display_name')?.trim() ?? '',
  }
  try {
    const userId = people.newUserId(typed.name)
    const displayName = typed.displayName === '' ? undefined : typed.displayName
    await people.create(actorOf(visit), { userId, password: passwordTyped(visit), displayName })
    return seeOther(at(PEOPLE, userId), 'made')
  } catch (error) {
    if (!(error instanceof MatrixError) || error.status >= 500) throw error
    const { frameOf, newPersonPage } = await loadAdminPages()
    return newPersonPage(frameOf(visit), { typed, refusal: { status: 400, text: `${error.message}.` } })
  }
}

interface RoomRow {
  readonly roomId: string
  readonly membership: string
}

const roomsFound = async (visit: Visit, { people, peopleView: view }: PeoplePageDeps) => {
  const { userId } = await people.account(visit.params.userId ?? '')
  const term = textOf(visit.query.q)
  const membership = textOf(visit.query.membership)
  const all: readonly RoomRow[] = await view.memberships(userId)
  const rows = all.filter(
    (one) =>
      (term === undefined || one.roomId.includes(term)) && (membership === undefined || one.membership === membership),
  )
  return { userId, rows }
}

export const personRooms: PageHandler<PeoplePageDeps> = async (visit, deps) => {
  const { frameOf, personRoomsPage } = await loadAdminPages()
  const { userId, rows } = await roomsFound(visit, deps)
  const from = offsetOf(visit)
  const shown = rows.slice(from, from + PAGE_ROWS)
  return personRoomsPage(frameOf(visit), {
    userId,
    state: stateOf(visit, at(PEOPLE, userId, 'rooms')),
    rows: shown,
    total: rows.length,
    next: nextOffset(from, shown.length, rows.length),
  })
}

export const personRoomsCsv: PageHandler<PeoplePageDeps> = async (visit, deps) => {
  const { rows } = await roomsFound(visit, deps)
  return csvReply<RoomRow>(
    'rooms',
    { room: ({ roomId }) => roomId, membership: ({ membership }) => membership },
    (async function* () {
      yield rows
    })(),
  )
}
