import { Type } from 'typebox'
import type { AdministerServer, Jobs } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { actorOf } from '../actor.ts'

export interface ScheduledTasksDeps {
  readonly jobs: Pick<Jobs, 'list' | 'get'>
  readonly server: Pick<AdministerServer, 'cancelJob'>
}

type Job = Awaited<ReturnType<Jobs['list']>>[number]

/** Names that tools know, where they have any. */
const ACTIONS: Readonly<Record<string, string>> = {
  'room.delete': 'shutdown_and_purge_room',
  'room.purge-history': 'purge_history',
}
const kindOf = (action: string): string => Object.entries(ACTIONS).find(([, name]) => name === action)?.[0] ?? action

const STATES = ['scheduled', 'active', 'complete', 'failed', 'cancelled'] as const
const SHOWN = 1_000

const taskJson = ({ id, kind, state, changedAtMs, key, result, error }: Job): JsonObject => ({
  ...{ id, action: ACTIONS[kind] ?? kind, status: state, timestamp_ms: changedAtMs },
  resource_id: key ?? null,
  result: result ?? null,
  error: error ?? null,
})

/** The jobs, newest first. */
export const scheduledTasksEndpoints = ({ jobs, server }: ScheduledTasksDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/scheduled_tasks'],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({
      action_name: Type.Optional(Type.String({ maxLength: 255 })),
      resource_id: Type.Optional(Type.String({ maxLength: 255 })),
      status: Type.Optional(Type.Enum([...STATES])),
      max_timestamp: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    }),
    handler: async ({ query }): Promise<{ scheduled_tasks: readonly JsonObject[] }> => {
      const kind = query.action_name === undefined ? undefined : kindOf(query.action_name)
      const found = await jobs.list({ kind, key: query.resource_id, state: query.status, limit: SHOWN })
      const until = query.max_timestamp ?? Number.POSITIVE_INFINITY
      return { scheduled_tasks: found.filter(({ changedAtMs }) => changedAtMs < until).map(taskJson) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_homeroom/admin/v1/jobs/:jobId'],
    auth: admin(),
    rateLimit: 'read',
    params: Type.Object({ jobId: Type.String({ maxLength: 64 }) }),
    handler: async ({ params }): Promise<JsonObject> => {
      const job = await jobs.get(params.jobId)
      if (job === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such job')
      return { ...taskJson(job), progress: job.progress, started_by: job.by, created_ts: job.createdAtMs }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_homeroom/admin/v1/jobs/:jobId/cancel'],
    auth: admin(),
    rateLimit: 'other',
    params: Type.Object({ jobId: Type.String({ maxLength: 64 }) }),
    handler: async ({ requester, params }): Promise<{ cancelled: boolean }> => ({
      cancelled: await server.cancelJob(params.jobId, actorOf(requester)),
    }),
  }),
]
