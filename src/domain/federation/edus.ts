import { BoundedWork, type Logger, TooMuchWork } from '#base'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseRoomId,
  type RoomId,
  type ServerName,
  stringAt,
} from '#spec'
import { ofOrigin } from './edu-senders.ts'

/** Takes one kind of EDU. Its content was checked for one thing only: that those it speaks for are of the origin, in rooms where that server may be. */
export type EduHandler = (origin: ServerName, content: JsonObject) => Promise<void>

export interface EduOptions {
  /** Worth nothing after a while: not kept over a restart, and dropped where too much of it waits. */
  readonly volatile?: true
}

export interface Edu {
  readonly type: string
  readonly content: JsonObject
}

export interface EdusParts {
  readonly acls: { allows(roomId: RoomId, server: ServerName): Promise<boolean> }
  readonly logger: Logger
}

/** Volatile EDUs at work and waiting, of all servers: a flood of presence must not grow without end. */
const VOLATILE_WORK = { concurrency: 8, maxWaiting: 2_000 }

/** The handlers of EDUs by type (server-server API, "EDUs"). Types without one are ignored. */
export class Edus {
  readonly #parts: EdusParts
  readonly #handlers = new Map<string, { readonly handle: EduHandler; readonly volatile: boolean }>()
  readonly #volatile = new BoundedWork(VOLATILE_WORK)

  constructor(parts: EdusParts) {
    this.#parts = parts
  }

  /** Registers the handler of a type. It may be called again with the same content after a crash, unless it is volatile. */
  on(type: string, handle: EduHandler, { volatile }: EduOptions = {}): void {
    if (this.#handlers.has(type)) throw new Error(`two handlers of ${type}`)
    this.#handlers.set(type, { handle, volatile: volatile === true })
  }

  /** How an EDU is to be treated, as it came; undefined: it is none that this server takes. */
  read(value: JsonValue): (Edu & { readonly volatile: boolean }) | undefined {
    if (!isJsonObject(value)) return undefined
    const type = stringAt(value, 'edu_type')
    const content = Object.hasOwn(value, 'content') ? value.content : undefined
    const handler = type === undefined ? undefined : this.#handlers.get(type)
    if (type === undefined || handler === undefined || !isJsonObject(content)) return undefined
    return { type, content, volatile: handler.volatile }
  }

  /** Hands an EDU to its handler. Throws what that throws. */
  async take(origin: ServerName, { type, content }: Edu): Promise<void> {
    const allowed = await ofOrigin(type, content, origin, (roomId) => this.#mayIn(roomId, origin))
    if (allowed !== undefined) await this.#handlers.get(type)?.handle(origin, allowed)
  }

  /** The same behind the back of whoever sent it; drops it where too much waits, and logs what fails. */
  takeLater(origin: ServerName, edu: Edu): void {
    const { logger } = this.#parts
    this.#volatile
      .run(() => this.take(origin, edu))
      .catch((err: unknown) => {
        if (!(err instanceof TooMuchWork)) logger.warn({ err, origin, type: edu.type }, 'an EDU could not be taken')
      })
  }

  async #mayIn(roomId: string, origin: ServerName): Promise<boolean> {
    const parsed = parseRoomId(roomId)
    return parsed !== undefined && (await this.#parts.acls.allows(parsed, origin))
  }
}
