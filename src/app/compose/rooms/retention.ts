import type { Config } from '#config'
import { RetentionSweep } from '#domain'
import { messageLifetimeMs, type RetentionSettings } from '#rules'
import { writers } from '#store'
import type { Ground } from '../ground/ground.ts'

/** undefined: all messages are kept. */
export const retentionOf = ({ retention }: Config): RetentionSettings | undefined =>
  retention.enabled
    ? {
        defaultLifetimeMs: retention.defaultLifetime.ms,
        minLifetimeMs: retention.minLifetime.ms,
        maxLifetimeMs: retention.maxLifetime.ms,
      }
    : undefined

/** Builds the removal of old messages. Does not start it. */
export const buildRetention = ({ config, store, clock, logger }: Ground): RetentionSweep =>
  new RetentionSweep({
    ...{ clock, logger },
    reader: store.retention,
    state: store.rooms,
    writer: writers.retention,
    commit: store.commit,
    settings: retentionOf(config),
  })

/** The bounds, and the time for rooms that say nothing of it, as clients are told; undefined where messages are kept for ever. */
export const toldRetention = (config: Config) => {
  const settings = retentionOf(config)
  return settings === undefined ? undefined : { ...settings, lifetimeMs: messageLifetimeMs({}, settings) }
}
