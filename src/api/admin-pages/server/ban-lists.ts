import type { ManageBanLists } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError, parseRoomId, parseServerName, type RoomId, type ServerName } from '#spec'
import { csvReply, nextOffset, offsetOf, PAGE_ROWS, pagesOf, stateOf } from '../lists.ts'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface BanListsPageDeps {
  readonly banLists: ManageBanLists
}

const SECTION = '/admin/ban-lists'

type List = ReturnType<ManageBanLists['lists']>[number]
type Rule = ReturnType<ManageBanLists['rulesOf']>[number]
type Refused = { readonly typed: { readonly room: string; readonly via: string }; readonly refusal: string }

const shown = async (visit: Visit, deps: BanListsPageDeps, refused?: Refused) => {
  const { banListsPage, frameOf } = await loadAdminPages()
  const all = deps.banLists.lists()
  const offset = offsetOf(visit)
  const rows = all.slice(offset, offset + PAGE_ROWS)
  const next = nextOffset(offset, rows.length, all.length)
  return banListsPage(frameOf(visit), { ...refused, state: stateOf(visit), rows, total: all.length, next })
}

export const banLists: PageHandler<BanListsPageDeps> = (visit, deps) => shown(visit, deps)

export const banListsCsv: PageHandler<BanListsPageDeps> = async (_visit, deps) => {
  const all = deps.banLists.lists()
  return csvReply<List>(
    'ban-lists',
    { room: ({ roomId }) => roomId, rules: ({ rules }) => rules, added_by: ({ addedBy }) => addedBy },
    (async function* () {
      yield all
    })(),
  )
}

/** Throws `M_INVALID_PARAM`. */
const roomIn = (text: string | undefined): RoomId => {
  const roomId = parseRoomId(text?.trim() ?? '')
  if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no room id')
  return roomId
}

const serverIn = (text: string): ServerName => {
  const server = parseServerName(text)
  if (server === undefined) throw new MatrixError('M_INVALID_PARAM', `${text} is no server name`)
  return server
}

export const obeyList: PageHandler<BanListsPageDeps> = async (visit, deps) => {
  const typed = { room: visit.fields.get('room') ?? '', via: visit.fields.get('via') ?? '' }
  try {
    const via = typed.via.split(/\s+/).filter((name) => name !== '')
    await deps.banLists.subscribe(actorOf(visit), roomIn(typed.room), via.slice(0, 20).map(serverIn))
    return seeOther(SECTION, 'saved')
  } catch (error) {
    if (!(error instanceof MatrixError) || error.status >= 500) throw error
    return shown(visit, deps, { typed, refusal: `${error.message}.` })
  }
}

export const disobeyList: PageHandler<BanListsPageDeps> = async (visit, deps) => {
  await deps.banLists.unsubscribe(actorOf(visit), roomIn(visit.fields.get('room')))
  return seeOther(SECTION, 'saved')
}

export const banList: PageHandler<BanListsPageDeps> = async (visit, deps) => {
  const { banListPage, frameOf } = await loadAdminPages()
  const roomId = roomIn(visit.params.roomId)
  const offset = offsetOf(visit)
  const rows = deps.banLists.rulesOf(roomId, offset, PAGE_ROWS)
  return banListPage(frameOf(visit), {
    ...{ roomId, rows },
    state: stateOf(visit, at(SECTION, roomId)),
    next: rows.length < PAGE_ROWS ? undefined : String(offset + rows.length),
  })
}

export const banListCsv: PageHandler<BanListsPageDeps> = async (visit, deps) => {
  const roomId = roomIn(visit.params.roomId)
  return csvReply<Rule>(
    'ban-list',
    { entity: ({ entity }) => entity, kind: ({ kind }) => kind, reason: ({ reason }) => reason },
    pagesOf(async (offset, limit) => deps.banLists.rulesOf(roomId, offset, limit)),
  )
}
