import { Chore, type Clock, type Logger } from '#base'
import type { ServerName, UserId } from '#spec'
import type { BlockedServer, BlockedServersReader, BlockedServersWriter, Change } from '#store'
import { CompiledRules } from './policy-rules.ts'

export interface BlockedServersParts {
  readonly reader: BlockedServersReader
  readonly writer: BlockedServersWriter
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: ServerName
}

export const MAX_BLOCKED_SERVERS = 2_000
const LOOK_EVERY_MS = 60_000

/** Servers with which this one does not talk because an administrator wished so. All are in memory. None blocks this server itself. */
export class BlockedServers {
  readonly #parts: BlockedServersParts
  #servers: readonly BlockedServer[] = []
  #compiled = new CompiledRules([])
  /** Looks for what another process blocked. */
  readonly #looking: Chore

  constructor(parts: BlockedServersParts) {
    this.#parts = parts
    const { clock, logger } = parts
    this.#looking = new Chore({
      ...{ clock, logger, everyMs: LOOK_EVERY_MS },
      failure: 'blocked servers could not be looked for; tried again in a minute',
      round: () => this.reload(),
    })
  }

  /** Resolves when all that are blocked are so. */
  async start(): Promise<void> {
    await this.reload()
    this.#looking.startLater()
  }

  /** Resolves when nothing is read any more. */
  stop(): Promise<void> {
    return this.#looking.stop()
  }

  async reload(): Promise<void> {
    this.#servers = await this.#parts.reader.blockedServers()
    this.#compiled = new CompiledRules(
      this.#servers.map(({ pattern, reason }) => ({ kind: 'server', entity: pattern, reason })),
    )
  }

  blocks(server: string): boolean {
    if (this.#servers.length === 0 || server === this.#parts.serverName) return false
    return this.#compiled.bansServer(server)
  }

  /** In the order of their patterns. */
  servers(): readonly BlockedServer[] {
    return this.#servers
  }

  /** In force after `reload`. Conflict: `too-many-blocked-servers`. */
  adding(pattern: string, reason: string | undefined, addedBy: UserId | 'operator'): Change<void> {
    const { writer, clock } = this.#parts
    return writer.add({ pattern, reason, addedBy, addedAtMs: clock.nowMs() }, MAX_BLOCKED_SERVERS)
  }

  removing(pattern: string): Change<boolean> {
    return this.#parts.writer.remove(pattern)
  }
}
