import { BoundedCache, type CacheStats } from '#base'
import { compileServerAcl, type ServerAcl } from '#rules'
import { isJsonObject, type JsonObject, objectAt, type RoomId, type ServerName } from '#spec'
import type { RoomRecordsReader, RoomStateReader, StoredEvent } from '#store'

export interface ServerAclsParts {
  readonly reader: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<RoomStateReader, 'stateEvent'>
}

const CACHE_BYTES = 8 * 1024 * 1024
/** A compiled list of globs, for each byte of its event. */
const BYTES_A_BYTE = 16

/** Which servers may take part in rooms of this server, by the rooms' current state. */
export class ServerAcls {
  readonly #reader: ServerAclsParts['reader']
  readonly #compiled = new BoundedCache<string, { readonly acl: ServerAcl; readonly sizeBytes: number }>({
    name: 'server-acls',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ sizeBytes }) => sizeBytes,
  })

  constructor({ reader }: ServerAclsParts) {
    this.#reader = reader
  }

  stats(): CacheStats {
    return this.#compiled.stats()
  }

  /** Whether the room's ACL lets that server in. Rooms without one, and unknown rooms, let everybody in. */
  async allows(roomId: RoomId, server: ServerName): Promise<boolean> {
    const record = await this.#reader.roomByRoomId(roomId)
    if (record === undefined) return true
    const stored = await this.#reader.stateEvent(record.room, 'current', 'm.room.server_acl', '')
    return stored === undefined || this.#aclOf(stored)(server)
  }

  #aclOf({ eventId, json }: Pick<StoredEvent, 'eventId' | 'json'>): ServerAcl {
    // A redacted ACL has other JSON under the same id.
    const key = `${eventId} ${json.length}`
    const held = this.#compiled.get(key)
    if (held !== undefined) return held.acl
    const pdu: unknown = JSON.parse(json)
    const content: JsonObject = isJsonObject(pdu) ? (objectAt(pdu, 'content') ?? {}) : {}
    const acl = compileServerAcl(content)
    this.#compiled.set(key, { acl, sizeBytes: json.length * BYTES_A_BYTE })
    return acl
  }
}
