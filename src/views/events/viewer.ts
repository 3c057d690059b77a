import type { UserId } from '#spec'
import type { EventForm } from './client-event.ts'

/** A logged-in user on one of their devices, for whom an answer is made. */
export interface RoomViewer {
  readonly userId: UserId
  readonly user: number
  readonly device: number | undefined
  /** Form of the events in the answer; default `full`. */
  readonly form?: EventForm
}
