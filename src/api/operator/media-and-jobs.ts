import { Type } from 'typebox'
import { type AdminActor, type AdministerMedia, type AdministerServer, type Jobs, nameIn } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { type JsonObject, MatrixError } from '#spec'

export interface OperatorMediaDeps {
  readonly administerMedia: Pick<
    AdministerMedia,
    'quarantine' | 'unquarantine' | 'setProtected' | 'delete' | 'deleteOld' | 'purgeCache'
  >
  readonly administerServer: Pick<AdministerServer, 'cancelJob' | 'removeReport'>
  readonly jobs: Pick<Jobs, 'list' | 'get'>
  readonly serverName: string
}

const OPERATOR: AdminActor = { by: 'operator', via: 'command' }
const Uri = Type.String({ minLength: 1, maxLength: 600 })
const Time = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const common = { method: 'POST', auth: none(), rateLimit: 'unlimited' } as const
const SHOWN = 500

type Job = Awaited<ReturnType<Jobs['list']>>[number]

const jobJson = ({ id, kind, state, key, by, progress, result, error, createdAtMs, changedAtMs }: Job): JsonObject => ({
  ...{ id, kind, state, by, progress, subject: key ?? null, result: result ?? null, error: error ?? null },
  ...{ created_ts: createdAtMs, changed_ts: changedAtMs },
})

/** Media, reports and jobs, for whoever runs the server. */
export const operatorMediaEndpoints = (deps: OperatorMediaDeps): readonly AnyEndpoint[] => [
  ...mediaEndpoints(deps),
  ...jobEndpoints(deps),
]

const mediaEndpoints = ({ administerMedia: media, serverName }: OperatorMediaDeps): readonly AnyEndpoint[] => [
  endpoint({
    ...common,
    paths: ['/change-media'],
    body: Type.Object({
      uri: Uri,
      deed: Type.Enum(['quarantine', 'unquarantine', 'protect', 'unprotect', 'delete']),
    }),
    handler: async ({ body: { uri, deed } }): Promise<JsonObject> => {
      const name = nameIn(uri)
      if (name === undefined) throw new MatrixError('M_INVALID_PARAM', `${uri} is no mxc: URI`)
      if (deed === 'quarantine' || deed === 'unquarantine') await media[deed](name, OPERATOR)
      else {
        if (name.server !== serverName) throw new MatrixError('M_INVALID_PARAM', 'Only for media of this server')
        if (deed !== 'delete') await media.setProtected(name.mediaId, deed === 'protect', OPERATOR)
        else if ((await media.delete([name.mediaId], OPERATOR)).length === 0)
          throw new MatrixError('M_NOT_FOUND', 'There is no such media')
      }
      return { uri, deed }
    },
  }),
  endpoint({
    ...common,
    paths: ['/delete-old-media'],
    body: Type.Object({ before_ts: Time, size_gt: Time, keep_profiles: Type.Boolean() }),
    handler: async ({ body: { before_ts: before_ms, ...rest } }): Promise<JsonObject> => ({
      job: await media.deleteOld({ before_ms, ...rest }, OPERATOR),
    }),
  }),
  endpoint({
    ...common,
    paths: ['/purge-media-cache'],
    body: Type.Object({ before_ts: Time }),
    handler: async ({ body }): Promise<JsonObject> => ({ job: await media.purgeCache(body.before_ts, OPERATOR) }),
  }),
]

const jobEndpoints = ({ administerServer, jobs }: OperatorMediaDeps): readonly AnyEndpoint[] => [
  endpoint({
    ...common,
    paths: ['/list-jobs'],
    body: Type.Object({}),
    handler: async (): Promise<JsonObject> => ({ jobs: (await jobs.list({ limit: SHOWN })).map(jobJson) }),
  }),
  endpoint({
    ...common,
    paths: ['/show-job'],
    body: Type.Object({ job: Type.String({ maxLength: 64 }) }),
    handler: async ({ body }): Promise<JsonObject> => {
      const job = await jobs.get(body.job)
      if (job === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such job')
      return jobJson(job)
    },
  }),
  endpoint({
    ...common,
    paths: ['/cancel-job'],
    body: Type.Object({ job: Type.String({ maxLength: 64 }) }),
    handler: async ({ body: { job } }): Promise<JsonObject> => ({
      id: job,
      cancelled: await administerServer.cancelJob(job, OPERATOR),
    }),
  }),
  endpoint({
    ...common,
    paths: ['/delete-report'],
    body: Type.Object({ report: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
    handler: async ({ body: { report } }): Promise<JsonObject> => {
      await administerServer.removeReport(report, OPERATOR)
      return { report }
    },
  }),
]
