import type { Clock, Logger } from '#base'
import type { Commit, DeviceNumber, DevicesWriter, Sighting } from '#store'

const FLUSH_EVERY_MS = 60_000
/** Pending sightings beyond which they are written at once. */
const MAX_PENDING = 10_000
const MAX_USER_AGENT_LENGTH = 256

export interface LastSeenParts {
  readonly writer: DevicesWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Time, address and user agent of each device's last request. Written now and then for many devices at once, never for a single request: a
 * crash loses the last minute.
 */
export class LastSeen {
  readonly #parts: LastSeenParts
  #pending = new Map<DeviceNumber, Sighting>()
  #cancel: (() => void) | undefined

  constructor(parts: LastSeenParts) {
    this.#parts = parts
  }

  record(device: DeviceNumber, ip: string, userAgent: string | undefined): void {
    const shortAgent = userAgent?.slice(0, MAX_USER_AGENT_LENGTH).toWellFormed()
    this.#pending.set(device, { ip, userAgent: shortAgent, atMs: this.#parts.clock.nowMs() })
    if (this.#pending.size >= MAX_PENDING) void this.flush()
    else this.#cancel ??= this.#parts.clock.after(FLUSH_EVERY_MS, () => void this.flush())
  }

  /** The newest sighting, if it is not written yet. */
  latest(device: DeviceNumber): Sighting | undefined {
    return this.#pending.get(device)
  }

  /** Writes what is pending; call it before the store closes. Never throws: a lost sighting is no harm. */
  async flush(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const pending = this.#pending
    if (pending.size === 0) return
    this.#pending = new Map()
    const lastSeen = [...pending].map(([device, sighting]) => ({ device, ...sighting }))
    try {
      await this.#parts.commit([this.#parts.writer.recordSightings(lastSeen)])
    } catch (error) {
      this.#parts.logger.warn(
        { err: error, devices: lastSeen.length },
        'where devices were last seen could not be written',
      )
    }
  }
}
