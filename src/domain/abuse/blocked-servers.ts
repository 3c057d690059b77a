import type { Clock, Logger } from '#base'
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
/** How often what another process blocked is looked for. */
const LOOK_EVERY_MS = 60_000

/** Servers with which this one does not talk because an administrator wished so. All are in memory. None blocks this server itself. */
export class BlockedServers {
  readonly #parts: BlockedServersParts
  #servers: readonly BlockedServer[] = []
  #compiled = new CompiledRules([])
  #stopped = false
  #cancel: (() => void) | undefined
  #looking: Promise<void> | undefined

  constructor(parts: BlockedServersParts) {
    this.#parts = parts
  }

  /** Resolves when all that are blocked are so. */
  async start(): Promise<void> {
    await this.reload()
    this.#lookLater()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#looking
  }

  async reload(): Promise<void> {
    this.#servers = await this.#parts.reader.blockedServers()
    this.#compiled = new CompiledRules(
      this.#servers.map(({ pattern, reason }) => ({ kind: 'server', entity: pattern, reason })),
    )
  }

  /** A port counts only where the pattern has one. */
  blocks(server: string): boolean {
    if (this.#servers.length === 0 || server === this.#parts.serverName) return false
    const bare = server.replace(/:\d+$/, '')
    return this.#compiled.bans('server', server) || (bare !== server && this.#compiled.bans('server', bare))
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

  #lookLater(): void {
    if (this.#stopped) return
    this.#cancel = this.#parts.clock.after(LOOK_EVERY_MS, () => {
      this.#looking = this.#lookAgain().finally(() => this.#lookLater())
    })
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.reload()
    } catch (err) {
      this.#parts.logger.warn({ err }, 'blocked servers could not be looked for; tried again in a minute')
    }
  }
}
