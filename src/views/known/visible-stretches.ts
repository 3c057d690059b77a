import { historyVisibilityOf, maySeeMessage } from '#rules'
import type { HistoryVisibility, Membership, Pdu, UserId } from '#spec'
import type { LastStay, RoomNumber, RoomStateReader, Stretch } from '#store'

/** More settings than a room ever has; what was sent after so many counts as sent to members alone. */
const MAX_SETTINGS = 100

export const WHOLE: Stretch = { after: Number.MIN_SAFE_INTEGER, upTo: Number.MAX_SAFE_INTEGER }

/**
 * The stretches of a room's timeline of which a user may see the messages, by the same rule as single events (`room-visibility.ts`): for
 * questions about many events that are answered without reading each, such as their number.
 */
export class VisibleStretches {
  readonly #reader: RoomStateReader

  constructor({ reader }: { readonly reader: RoomStateReader }) {
    this.#reader = reader
  }

  /** The stretches that reach beyond a position, newest first. Only `WHOLE` for whoever was in the room ever since, or where members see everything. */
  async beyond(room: RoomNumber, userId: UserId, position: number): Promise<readonly Stretch[]> {
    const lastStay = await this.#reader.lastStay(room, userId)
    const isThere = lastStay !== undefined && lastStay.ended === undefined
    if (isThere && lastStay.joined <= position) return [WHOLE]
    const steps = await this.#reader.stateHistory(room, 'm.room.history_visibility', '', MAX_SETTINGS)
    const settings = steps.map(({ position: at, event }) => ({
      at,
      visibility: historyVisibilityOf(event === undefined ? undefined : (JSON.parse(event.json) as Pdu).content),
    }))
    const isCut = steps.length === MAX_SETTINGS
    if (isThere && !isCut && settings.every(({ visibility }) => OPEN.has(visibility))) return [WHOLE]
    const end = settings.at(-1)
    if (isCut && end !== undefined) settings.push({ at: end.at, visibility: 'joined' })
    const memberships = await this.#reader.membershipsBetween(room, userId, 0, Number.MAX_SAFE_INTEGER)
    const changes: Change[] = [...settings, ...memberships.map(({ position: at, membership }) => ({ at, membership }))]
    return stretchesIn(changes, lastStay).filter(({ upTo }) => upTo > position)
  }
}

const OPEN: ReadonlySet<HistoryVisibility> = new Set(['shared', 'world_readable'])

interface Change {
  readonly at: number
  readonly visibility?: HistoryVisibility
  readonly membership?: Membership
}

/** Between two changes nothing that decides changes, so all messages there are seen, or none. */
const stretchesIn = (changes: readonly Change[], lastStay: LastStay | undefined): readonly Stretch[] => {
  const inOrder = changes.toSorted((one, other) => one.at - other.at)
  const stretches: Stretch[] = []
  let visibility: HistoryVisibility = 'shared'
  let membership: Membership | undefined
  let after = WHOLE.after
  for (const [index, change] of [{ at: WHOLE.after }, ...inOrder].entries()) {
    visibility = change.visibility ?? visibility
    membership = change.membership ?? membership
    after = change.at
    const upTo = inOrder[index]?.at ?? WHOLE.upTo
    const joinedLater = lastStay !== undefined && lastStay.joined > after
    if (upTo === after || !maySeeMessage({ visibility, membership, joinedLater })) continue
    const before = stretches[0]
    if (before?.upTo === after) stretches[0] = { after: before.after, upTo }
    else stretches.unshift({ after, upTo })
  }
  return stretches
}
