import { BoundedCache, type CacheStats } from '#base'
import type { UserId } from '#spec'
import type { RoomNumber } from '#store'
import { SentMembers } from '../../known/sent-members.ts'
import type { AnswerOfRooms } from './planned-room.ts'

/** The members that a connection was told of in one room. */
export interface ToldInRoom {
  has(userId: UserId): boolean
  add(userIds: readonly UserId[]): void
}

/** Remembers which members each connection was told of, by the generation of the answer. Where it is forgotten, members are told twice. */
export class ToldMembers {
  readonly #sent: BoundedCache<string, SentMembers>

  constructor({ limitBytes }: { readonly limitBytes: number }) {
    this.#sent = new BoundedCache({ name: 'sliding-members', limitBytes, sizeBytes: ({ sizeBytes }) => sizeBytes })
  }

  stats(): CacheStats {
    return this.#sent.stats()
  }

  /** `anew`: the client starts from nothing. */
  of({ request, run, generation }: AnswerOfRooms, room: RoomNumber, anew: boolean): ToldInRoom {
    const key = `${request.viewer.device} ${request.connectionId} ${run} ${room}`
    const sent = (anew ? undefined : this.#sent.get(key)) ?? new SentMembers()
    sent.settle(generation - 1)
    return {
      has: (userId) => sent.has(userId),
      add: (userIds) => {
        for (const userId of userIds) sent.add(userId, generation)
        this.#sent.set(key, sent)
      },
    }
  }
}
