import { chmod, unlink } from 'node:fs/promises'
import type { Clock, Logger } from '#base'
import { type AnyEndpoint, createEdge, noRateLimits } from '#http'
import { socketPathOf } from './socket-path.ts'

export interface ChannelParts {
  readonly dataFolder: string
  readonly endpoints: readonly AnyEndpoint[]
  readonly clock: Clock
  readonly logger: Logger
}

export interface Channel {
  readonly socketPath: string
  stop(graceMs: number): Promise<void>
}

const LIMITS = {
  bodyBytes: 65_536,
  headerBytes: 16_384,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  uploadTimeoutMs: 60_000,
  keepAliveTimeoutMs: 5_000,
  writeTimeoutMs: 30_000,
}

/**
 * Opens the channel over which the command line reaches the server: HTTP on a socket that this user alone can open. The caller holds the lock
 * of the data folder, so a socket that is there was left by a crash.
 */
export const openChannel = async ({ dataFolder, endpoints, clock, logger }: ChannelParts): Promise<Channel> => {
  const socketPath = await socketPathOf(dataFolder)
  const edge = createEdge({
    endpoints,
    callers: { issuers: [] },
    rateLimiter: noRateLimits,
    limits: LIMITS,
    trustProxy: false,
    clock,
    reports: { logger, logsRequests: () => false },
  })
  if (process.platform !== 'win32') await unlink(socketPath).catch(() => {})
  await edge.listen({ socketPath })
  if (process.platform !== 'win32') await chmod(socketPath, 0o600)
  return { socketPath, stop: (graceMs) => edge.stop(graceMs) }
}
