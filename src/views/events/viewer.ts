import type { EventForm } from './client-event.ts'
import type { EventsViewer } from './event-texts.ts'

/** A logged-in user on one of their devices, for whom an answer is made. */
export interface RoomViewer extends EventsViewer {
  /** Form of the events in the answer; default `full`. */
  readonly form?: EventForm
}
