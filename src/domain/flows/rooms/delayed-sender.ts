import {
  type EventId,
  isJsonObject,
  type JsonObject,
  MatrixError,
  parseEventId,
  stringAt,
  userLocked,
  userSuspended,
} from '#spec'
import { type AccountRecord, type DelayedEvent, delayTransaction } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { DelayedSender } from '../../delayed-events/index.ts'
import type { ShadowIds } from '../../moderation/index.ts'
import type { Sending, SetRoomState } from '../../rooms/index.ts'

export interface RoomDelayedSenderParts {
  readonly accounts: Pick<Accounts, 'account'>
  readonly sending: Pick<Sending, 'message' | 'redact' | 'isOf'>
  readonly roomState: Pick<SetRoomState, 'set'>
  readonly shadowIds: ShadowIds
}

/** Sends a delayed event as its user would send it at that moment: what they may do is judged then, and not when they scheduled it. */
export class RoomDelayedSender implements DelayedSender {
  readonly #parts: RoomDelayedSenderParts

  constructor(parts: RoomDelayedSenderParts) {
    this.#parts = parts
  }

  /** Throws `M_USER_LOCKED`, `M_USER_SUSPENDED`, `M_FORBIDDEN`, and whatever sending throws. */
  async send(event: DelayedEvent): Promise<EventId> {
    const { roomId, userId: sender, type, stateKey, stickyMs } = event
    const { sending, roomState } = this.#parts
    const account = await this.#account(event)
    const content = contentOf(event)
    if (account.shadowBanned) return this.#parts.shadowIds.eventId(event.delayId)
    const transaction = delayTransaction(event.delayId)
    if (stateKey !== undefined) {
      const isOwnLeave = type === 'm.room.member' && stateKey === sender && content.membership === 'leave'
      mindSuspended(account, isOwnLeave)
      return roomState.set({ roomId, sender, guest: account.guest, type, stateKey, content, transaction, stickyMs })
    }
    if (type !== 'm.room.redaction') {
      mindSuspended(account, false)
      return sending.message(roomId, { type, sender, content, transaction, stickyMs })
    }
    const { redacts, ...rest } = content
    const target = parseEventId(stringAt({ redacts }, 'redacts') ?? '')
    if (target === undefined) throw new MatrixError('M_MISSING_PARAM', 'A redaction names the event that it redacts')
    mindSuspended(account, await sending.isOf(sender, target))
    return sending.redact(roomId, sender, target, rest, transaction)
  }

  async #account({ userId }: DelayedEvent): Promise<AccountRecord> {
    const account = await this.#parts.accounts.account(userId)
    if (account === undefined || account.deactivatedAtMs !== undefined)
      throw new MatrixError('M_FORBIDDEN', 'The account has ended')
    if (account.lockedAtMs !== undefined) throw userLocked()
    return account
  }
}

const mindSuspended = ({ suspendedAtMs }: AccountRecord, isAllowed: boolean): void => {
  if (suspendedAtMs !== undefined && !isAllowed) throw userSuspended()
}

const contentOf = ({ contentJson }: DelayedEvent): JsonObject => {
  const content: unknown = JSON.parse(contentJson)
  return isJsonObject(content) ? content : {}
}
