import type { EventId, MatrixError } from '#spec'
import {
  type Commit,
  type DelayAnswer,
  type DelayedEvent,
  type DelayedEventsReader,
  type DelayedEventsWriter,
  type DelayOutcome,
  type RoomRecordsReader,
  type RoomStateReader,
  WriteConflict,
} from '#store'

/** Sends an event as its user, now. */
export interface DelayedSender {
  /**
   * Stores the event with its `delayTransaction`, which finalises it; returns another event's id where the room's state says already what it
   * would. Throws as sending does.
   */
  send(event: DelayedEvent): Promise<EventId>
}

export interface SendDelayedParts {
  readonly reader: Pick<DelayedEventsReader, 'delayedEvent'>
  readonly writer: Pick<DelayedEventsWriter, 'finalise'>
  readonly commit: Commit
  readonly rooms: RoomRecordsReader & RoomStateReader
  readonly sender: DelayedSender
  readonly clock: { nowMs(): number }
}

/** Sends delayed events, each once: the commit that stores the event finalises the delayed one, or conflicts. */
export class SendDelayed {
  readonly #parts: SendDelayedParts

  constructor(parts: SendDelayedParts) {
    this.#parts = parts
  }

  /**
   * Returns how the event stands afterwards. State that somebody else set after the event was scheduled stays, and the event ends without being sent.
   * Throws what stands against sending; then it is still scheduled.
   */
  async send(event: DelayedEvent): Promise<DelayAnswer> {
    const { delayId } = event
    if (await this.#isOverwritten(event)) return this.finalise(delayId, { kind: 'failed', errorJson: OVERWRITTEN_JSON })
    try {
      const eventId = await this.#parts.sender.send(event)
      // Where the state was so already, no event was stored.
      const after = await this.#stand(delayId)
      return after.kind === 'scheduled' ? await this.finalise(delayId, { kind: 'sent', eventId }) : after
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'delay-finalised') throw error
      return this.#stand(delayId)
    }
  }

  /** Ends an event that is not sent. */
  async finalise(delayId: string, outcome: DelayOutcome): Promise<DelayAnswer> {
    const { commit, writer, clock } = this.#parts
    const [answer] = await commit([writer.finalise(delayId, clock.nowMs(), outcome)])
    return answer
  }

  async #stand(delayId: string): Promise<DelayAnswer> {
    return standOf(await this.#parts.reader.delayedEvent(delayId))
  }

  async #isOverwritten({ roomId, type, stateKey, userId, afterPosition }: DelayedEvent): Promise<boolean> {
    if (stateKey === undefined) return false
    const { rooms } = this.#parts
    const record = await rooms.roomByRoomId(roomId)
    if (record === undefined) return false
    const current = await rooms.stateEvent(record.room, 'current', type, stateKey)
    return current !== undefined && current.sender !== userId && current.position > afterPosition
  }
}

const OVERWRITTEN_JSON = JSON.stringify({ errcode: 'M_UNKNOWN', error: 'Somebody else set that state meanwhile' })

/** The standard error response of an error, as it is kept for whoever scheduled the event. */
export const errorJsonOf = ({ errcode, message, fields }: MatrixError): string =>
  JSON.stringify({ ...fields, errcode, error: message })

export const standOf = (event: DelayedEvent | undefined): DelayAnswer => {
  if (event === undefined) return { kind: 'unknown' }
  const { finalised, scheduledAtMs, delayMs } = event
  return finalised === undefined
    ? { kind: 'scheduled', dueAtMs: scheduledAtMs + delayMs }
    : { kind: finalised.outcome.kind }
}
