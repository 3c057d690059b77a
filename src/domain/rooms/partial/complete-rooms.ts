import { type Clock, growingPause, KeyedChore, type Logger } from '#base'
import { ROOM_VERSIONS, type RoomId, type ServerName } from '#spec'
import type { Commit, LeasedWork, PartialRoom, PartialRoomsReader, RoomServersReader, RoomsWriter } from '#store'
import type { RoomGraph } from '../graph/index.ts'
import { MAX_STATE_EVENTS, type MissingStates } from '../receiving/index.ts'

export interface CompleteRoomsParts {
  readonly reader: Pick<PartialRoomsReader, 'partialRooms'> & Pick<RoomServersReader, 'isServerIn' | 'serversOf'>
  readonly writing: { readonly writer: Pick<RoomsWriter, 'completeLater' | 'completeNever'>; readonly commit: Commit }
  readonly states: Pick<MissingStates, 'stateBefore'>
  readonly graph: Pick<RoomGraph, 'complete'>
  readonly serverName: ServerName
  readonly clock: Clock
  readonly logger: Logger
  /** Told when a room waits for nothing any more. */
  readonly ended: (roomId: RoomId) => void
}

const EVERY_MS = 30_000
/** Rooms whose members are fetched at a time: each may be some hundred megabytes, and a restart finds all of them waiting. */
const ROOMS_AT_ONCE = 3
/** Servers that are asked for one room, one after the other, before it waits. */
const SERVERS_AT_ONCE = 5
const FETCH_MS = 15 * 60_000
const PAUSES = { firstMs: 2_000, longestMs: 3_600_000 }

/**
 * Fetches the members of rooms that were joined without them: first from the server that took this one in, then from others that are in the room. Which rooms these are is in
 * the database, so it goes on after a restart.
 */
export class CompleteRooms implements LeasedWork {
  readonly #parts: CompleteRoomsParts
  readonly #chore: KeyedChore<RoomId>

  constructor(parts: CompleteRoomsParts) {
    this.#parts = parts
    const { reader, clock, logger } = parts
    this.#chore = new KeyedChore({
      ...{ clock, logger, everyMs: EVERY_MS, atOnce: ROOMS_AT_ONCE },
      failure: 'rooms whose members are to be fetched could not be read; tried again in half a minute',
      due: async (limit) => {
        const rooms = await reader.partialRooms(clock.nowMs(), limit)
        return rooms.map((room) => ({ key: room.roomId, run: (signal) => this.#complete(room, signal) }))
      },
      failed: (err, room) => logger.error({ err, room }, 'the members of a room could not be fetched'),
    })
  }

  start(): void {
    this.#chore.start()
  }

  stop(): Promise<void> {
    return this.#chore.stop()
  }

  /** Looks at once for rooms to complete. */
  hurry(): void {
    this.#chore.hurry()
  }

  async #complete(room: PartialRoom, ending: AbortSignal): Promise<void> {
    const { reader, writing, serverName, clock, logger, ended } = this.#parts
    const { roomId, failures } = room
    if (!(await reader.isServerIn(room.room, serverName))) {
      await writing.commit([writing.writer.completeNever(room.room)])
      ended(roomId)
      return
    }
    for (const server of await this.#servers(room)) {
      if (await this.#by(server, room, ending)) {
        logger.info({ room: roomId, server }, 'a room has all of its members now')
        ended(roomId)
        return
      }
      if (ending.aborted) return
    }
    const pauseMs = growingPause(failures + 1, PAUSES)
    const later = { room: room.room, failures: failures + 1, dueMs: clock.nowMs() + pauseMs }
    await writing.commit([writing.writer.completeLater(later)])
    clock.after(pauseMs, () => this.hurry())
  }

  /** The server that took this one in, and others of the room, at each try the next ones. */
  async #servers({ room, server, failures }: PartialRoom): Promise<readonly ServerName[]> {
    const { reader, serverName } = this.#parts
    const others = (await reader.serversOf(room))
      .map(({ name }) => name)
      .filter((name) => name !== server && name !== serverName)
    const from = others.length === 0 ? 0 : (failures * (SERVERS_AT_ONCE - 1)) % others.length
    return [server, ...others.slice(from), ...others.slice(0, from)].slice(0, SERVERS_AT_ONCE)
  }

  /** Returns whether the room is whole now. */
  async #by(
    server: ServerName,
    { room, roomId, version: name, joinId }: PartialRoom,
    ending: AbortSignal,
  ): Promise<boolean> {
    const { states, graph, clock, logger } = this.#parts
    const version = ROOM_VERSIONS.get(name)
    if (version === undefined) return false
    const timeout = new AbortController()
    const cancel = clock.after(FETCH_MS, () => timeout.abort())
    const signal = AbortSignal.any([timeout.signal, ending])
    try {
      const state = await states.stateBefore(server, { room, roomId, version }, joinId, {
        signal,
        maxEvents: MAX_STATE_EVENTS,
      })
      if (state !== undefined && (await graph.complete(roomId, state))) return true
      logger.warn(
        { room: roomId, server },
        'a server gave a state that is none, or contradicts the one with which the room was joined',
      )
    } catch (err) {
      if (!ending.aborted) logger.warn({ err, room: roomId, server }, 'a server did not give the members of a room')
    } finally {
      cancel()
    }
    return false
  }
}
