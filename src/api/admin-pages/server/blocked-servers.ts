import type { ManageBlockedServers } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError } from '#spec'
import { csvReply, nextOffset, offsetOf, PAGE_ROWS, stateOf } from '../lists.ts'
import { actorOf, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface BlockedServersPageDeps {
  readonly blockedServers: ManageBlockedServers
}

const SECTION = '/admin/blocked-servers'
const MAX_REASON = 500

type Blocked = ReturnType<ManageBlockedServers['servers']>[number]
type Refused = { readonly typed: { readonly server: string; readonly reason: string }; readonly refusal: string }

const shown = async (visit: Visit, deps: BlockedServersPageDeps, refused?: Refused) => {
  const { blockedServersPage, frameOf } = await loadAdminPages()
  const all = deps.blockedServers.servers()
  const offset = offsetOf(visit)
  const rows = all.slice(offset, offset + PAGE_ROWS)
  const next = nextOffset(offset, rows.length, all.length)
  return blockedServersPage(frameOf(visit), { ...refused, state: stateOf(visit), rows, total: all.length, next })
}

export const blockedServers: PageHandler<BlockedServersPageDeps> = (visit, deps) => shown(visit, deps)

export const blockedServersCsv: PageHandler<BlockedServersPageDeps> = async (_visit, deps) => {
  const all = deps.blockedServers.servers()
  return csvReply<Blocked>(
    'blocked-servers',
    {
      server: ({ pattern }) => pattern,
      reason: ({ reason }) => reason,
      added_by: ({ addedBy }) => addedBy,
      added: ({ addedAtMs }) => new Date(addedAtMs).toISOString(),
    },
    (async function* () {
      yield all
    })(),
  )
}

export const blockServer: PageHandler<BlockedServersPageDeps> = async (visit, deps) => {
  const typed = { server: visit.fields.get('server') ?? '', reason: visit.fields.get('reason') ?? '' }
  try {
    const reason = typed.reason.trim().slice(0, MAX_REASON)
    await deps.blockedServers.block(actorOf(visit), typed.server, reason === '' ? undefined : reason)
    return seeOther(SECTION, 'server-blocked')
  } catch (error) {
    if (!(error instanceof MatrixError) || error.status >= 500) throw error
    return shown(visit, deps, { typed, refusal: `${error.message}.` })
  }
}

export const unblockServer: PageHandler<BlockedServersPageDeps> = async (visit, deps) => {
  await deps.blockedServers.unblock(actorOf(visit), visit.fields.get('server') ?? '')
  return seeOther(SECTION, 'server-unblocked')
}
