import { type AnyEndpoint, endpoint, user } from '#http'
import type { JsonObject } from '#spec'

export interface RetentionDeps {
  /** Milliseconds; undefined: messages are kept for ever, and clients are told nothing. */
  readonly retention:
    | {
        /** For rooms that say nothing of it. */
        readonly lifetimeMs: number | undefined
        readonly minLifetimeMs: number | undefined
        readonly maxLifetimeMs: number | undefined
      }
    | undefined
}

/** The operator's bounds on how long messages are kept (MSC1763). Element Web asks for them from its start. */
export const retentionEndpoints = ({ retention }: RetentionDeps): readonly AnyEndpoint[] => {
  if (retention === undefined) return []
  const { lifetimeMs, minLifetimeMs: min, maxLifetimeMs: max } = retention
  const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
  return [
    endpoint({
      method: 'GET',
      paths: ['/_matrix/client/unstable/org.matrix.msc1763/retention/configuration'],
      auth: user({ guests: true }),
      rateLimit: 'read',
      handler: async (): Promise<{ policies: JsonObject; limits: JsonObject }> => ({
        policies: { '*': lifetimeMs === undefined ? {} : { max_lifetime: lifetimeMs } },
        limits: { max_lifetime: bounds },
      }),
    }),
  ]
}
