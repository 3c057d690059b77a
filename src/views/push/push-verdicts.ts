import { BoundedCache, type CacheStats, textBytes } from '#base'
import type { PushCandidate, PushContext, PushOutcome } from '#rules'
import { type Pdu, stringAt, type UserId } from '#spec'
import { type EventsReader, type MembershipRecord, type RoomStateReader, type StoredEvent, threadOf } from '#store'
import type { RoomFactsCache } from '../known/room-facts.ts'
import type { PushCandidates } from '../unread/push-candidates.ts'
import type { PushRules } from '../unread/push-rules.ts'
import { isSubscribedTo } from '../unread/subscribed-threads.ts'

export interface PushedUser {
  readonly userId: UserId
  readonly user: number
  /** Profile tag of the pusher, for rules and conditions that ask for it. */
  readonly profileTag?: string | undefined
}

const NAMES_BYTES = 4 * 1024 * 1024

export interface PushVerdictsParts {
  readonly reader: RoomStateReader & Pick<EventsReader, 'event'>
  readonly candidates: PushCandidates
  readonly pushRules: PushRules
  readonly facts: RoomFactsCache
}

/** Holds single events against the rules of users with pushers, as soon as they come. */
export class PushVerdicts {
  readonly #parts: PushVerdictsParts
  /** Display names by member event, as each event of a room asks for the name of each member. */
  readonly #names = new BoundedCache<string, { readonly name: string | undefined }>({
    name: 'push-names',
    limitBytes: NAMES_BYTES,
    sizeBytes: ({ name = '' }) => 40 + textBytes(name),
  })

  constructor(parts: PushVerdictsParts) {
    this.#parts = parts
  }

  stats(): CacheStats {
    return this.#names.stats()
  }

  /** undefined where no rule matches, and in rooms that are gone. */
  async of(user: PushedUser, record: MembershipRecord, event: StoredEvent): Promise<PushOutcome | undefined> {
    const facts = await this.#parts.facts.of(event.room)
    if (facts === undefined) return undefined
    const rules = await this.#parts.pushRules.of(user)
    const { evaluate, devices } = rules
    const candidate = this.#parts.candidates.of(event)
    const threads = await this.#parts.pushRules.threadsFor(rules, user.user, event.room)
    const context: PushContext = {
      userId: user.userId,
      profileTag: user.profileTag,
      displayName: await this.#ownName(user, record),
      memberCount: facts.record.joinedCount,
      notificationPowerLevels: facts.notificationLevels,
      senderPowerLevel: facts.levels.ofUser(event.sender),
      isSubscribed: threads && isSubscribedTo(threads.roots, await this.#threadOf(event, candidate)),
    }
    const ofDevice = user.profileTag === undefined ? undefined : devices.get(user.profileTag)
    return ofDevice?.(candidate, context) ?? evaluate(candidate, context)
  }

  async #threadOf({ room }: StoredEvent, candidate: PushCandidate): Promise<string> {
    return (await threadOf({ room, content: candidate.event.content }, this.#parts.reader)).thread
  }

  async #ownName({ userId }: PushedUser, { room, position }: MembershipRecord): Promise<string | undefined> {
    const key = `${userId} ${room} ${position}`
    const known = this.#names.get(key)
    if (known !== undefined) return known.name
    const stored = await this.#parts.reader.stateEvent(room, 'current', 'm.room.member', userId)
    const name = stored === undefined ? undefined : stringAt((JSON.parse(stored.json) as Pdu).content, 'displayname')
    this.#names.set(key, { name })
    return name
  }
}
