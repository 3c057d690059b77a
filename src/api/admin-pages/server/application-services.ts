import type { AuditLog } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError } from '#spec'
import type { AppServiceState, AppServiceStates } from '../../operator/appservices.ts'
import { csvReply, isoOf, nextOffset, offsetOf, orderOf, PAGE_ROWS, stateOf, textOf } from '../lists.ts'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface ServicesPageDeps {
  readonly appServices: AppServiceStates
  readonly auditLog: Pick<AuditLog, 'record'>
}

const SECTION = '/admin/application-services'

const BY = {
  id: (one: AppServiceState, other: AppServiceState) => (one.id < other.id ? -1 : 1),
  waiting: (one: AppServiceState, other: AppServiceState) => one.queue.waiting - other.queue.waiting,
  failures: (one: AppServiceState, other: AppServiceState) => one.queue.failures - other.queue.failures,
}

/** There are as many as the configuration names files. */
const found = (visit: Visit, { appServices }: ServicesPageDeps): readonly AppServiceState[] => {
  const { order, descending } = orderOf(visit, ['id', 'waiting', 'failures'], { order: 'id', descending: false })
  const term = textOf(visit.query.q)
  const all = appServices
    .list()
    .filter(({ id, sender }) => term === undefined || id.includes(term) || sender.includes(term))
  const sorted = all.toSorted(BY[order])
  return descending ? sorted.reverse() : sorted
}

export const applicationServices: PageHandler<ServicesPageDeps> = async (visit, deps) => {
  const { applicationServicesPage, frameOf } = await loadAdminPages()
  const all = found(visit, deps)
  const offset = offsetOf(visit)
  const rows = all.slice(offset, offset + PAGE_ROWS)
  return applicationServicesPage(frameOf(visit), {
    rows,
    state: stateOf(visit),
    total: all.length,
    next: nextOffset(offset, rows.length, all.length),
    faults: deps.appServices.faults(),
  })
}

export const applicationServicesCsv: PageHandler<ServicesPageDeps> = async (visit, deps) => {
  const all = found(visit, deps)
  return csvReply<AppServiceState>(
    'application-services',
    {
      id: ({ id }) => id,
      user: ({ sender }) => sender,
      address: ({ url }) => url,
      file: ({ file }) => file,
      waiting: ({ queue }) => queue.waiting,
      failures: ({ queue }) => queue.failures,
      last_success: ({ queue }) => isoOf(queue.lastSuccessMs),
    },
    (async function* () {
      yield all
    })(),
  )
}

const unknown = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such application service')

export const applicationService: PageHandler<ServicesPageDeps> = async (visit, { appServices }) => {
  const { applicationServicePage, frameOf } = await loadAdminPages()
  const service = appServices.list().find(({ id }) => id === visit.params.id)
  if (service === undefined) throw unknown()
  return applicationServicePage(frameOf(visit), service)
}

export const pingApplicationService: PageHandler<ServicesPageDeps> = async (visit, { appServices }) => {
  const id = visit.params.id ?? ''
  const pong = await appServices.ping(id)
  if (pong === undefined) throw unknown()
  return seeOther(at(SECTION, id), pong.ok ? 'answered' : 'no-answer')
}

export const reloadApplicationServices: PageHandler<ServicesPageDeps> = async (visit, { appServices, auditLog }) => {
  await appServices.reload()
  await auditLog.record({ ...actorOf(visit), action: 'application_service.reload', subject: '', details: {} })
  return seeOther(SECTION, 'reloaded')
}
