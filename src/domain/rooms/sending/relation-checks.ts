import { KeyedLock } from '#base'
import { type EventId, MatrixError, type RoomId } from '#spec'
import { newRelation, type RelationsReader } from '#store'
import type { Draft, RoomTurn } from '../turns/turn.ts'

export interface RelationChecksParts {
  readonly reader: Pick<RelationsReader, 'isAnnotated' | 'ownRelType'>
}

/** Relations that clients may not send: rules for their requests, not for events that come from elsewhere. */
export class RelationChecks {
  readonly #reader: RelationChecksParts['reader']
  /** Equal annotations one after the other, each after the one before is stored: turns run ahead of their commits, and see no relation that is under way. */
  readonly #annotations = new KeyedLock<string>()

  constructor({ reader }: RelationChecksParts) {
    this.#reader = reader
  }

  /**
   * Sends an event that is not state, if its relation is allowed; `send` runs `check` in its turn. Throws `M_DUPLICATE_ANNOTATION` ("Avoiding duplicate
   * annotations"), and `M_UNKNOWN` for a thread on an event that relates to another itself ("Threading").
   */
  async sent(
    roomId: RoomId,
    draft: Draft,
    send: (check?: (turn: RoomTurn) => Promise<void>) => Promise<EventId>,
  ): Promise<EventId> {
    const { type, sender, content } = draft
    const relation = newRelation({ type, stateKey: undefined, content })
    if (relation?.relType === 'm.thread') return send((turn) => this.#checkRoot(turn.live.room, relation.target))
    const { annotation, target } = relation ?? {}
    if (annotation === undefined || target === undefined) return send()
    return this.#annotations.run(`${roomId} ${target} ${sender} ${annotation}`, () =>
      send(async (turn) => {
        if (await this.#reader.isAnnotated(turn.live.room, target, sender, annotation))
          throw new MatrixError('M_DUPLICATE_ANNOTATION', 'You have annotated that event in this way')
      }),
    )
  }

  async #checkRoot(room: number, root: EventId): Promise<void> {
    if ((await this.#reader.ownRelType(room, root)) !== undefined)
      throw new MatrixError('M_UNKNOWN', 'A thread cannot begin at an event that relates to another', { status: 400 })
  }
}
