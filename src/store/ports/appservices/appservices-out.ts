import type { EventId, UserId } from '#spec'
import type { DeviceNumber } from '../accounts/devices.ts'
import type { Change } from '../engine/change.ts'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

/** Positions up to which an application service has all that concerns it. */
export interface ServicePositions {
  readonly events: number
  readonly receipts: number
  readonly deviceLists: number
}

export interface ServiceProgress extends ServicePositions {
  /** The newest transaction. */
  readonly txn: number
  readonly lastSuccessMs: number | undefined
}

/** The newest message for a device in a transaction. */
export interface DeliveredInbox {
  readonly device: DeviceNumber
  readonly position: number
}

export interface ServiceTransaction {
  readonly txn: number
  /** JSON. */
  readonly body: string
  /** How many events, EDUs and messages are in it. */
  readonly items: number
  readonly inboxes: readonly DeliveredInbox[]
}

export interface OwnerOfInbox {
  readonly user: UserNumber
  readonly userId: UserId
}

export interface AppservicesOutReader {
  progress(service: string): Promise<ServiceProgress | undefined>
  /** The transaction that is under way to the service. */
  underWay(service: string): Promise<ServiceTransaction | undefined>
  /** The first events of these rooms with `after` < position <= `upTo`, in the order of the stream. */
  eventIdsIn(
    rooms: readonly RoomNumber[],
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<readonly { readonly position: number; readonly eventId: EventId }[]>
  /** All users for whose devices messages wait. Runs off the event loop. */
  usersWithMessages(): Promise<readonly OwnerOfInbox[]>
  /** The user's devices, by id. */
  devicesOf(user: UserNumber): Promise<readonly { readonly device: DeviceNumber; readonly deviceId: string }[]>
}

export interface AppservicesOutWriter {
  /** Records positions; a transaction and its number stay. */
  advance(service: string, positions: ServicePositions): Change<void>
  /** Stores the next transaction, with the positions that hold once it is delivered. Conflict: `transaction-under-way`. */
  queue(service: string, transaction: ServiceTransaction, positions: ServicePositions): Change<void>
  /** Removes a transaction that the service took, and the messages for its devices that were in it. */
  taken(service: string, transaction: ServiceTransaction, atMs: number): Change<void>
}
