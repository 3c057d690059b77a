import { type Clock, Slices } from '#base'
import { type SigningKey, signWhenSent } from '#rules'
import type { FederationOutReader, OutgoingEvent } from '#store'

/** The longest that events are signed before others are served: a signature takes some 0.1 ms. */
const SLICE_MS = 4

/** The reader of what goes out, with events of this server that are signed. Whoever reads an event once and sends it to a thousand servers has it signed once. */
export const signedEvents = (reader: FederationOutReader, key: SigningKey, clock: Clock): FederationOutReader => {
  const slices = new Slices({ clock, sliceMs: SLICE_MS })
  const signed = async (read: Promise<readonly OutgoingEvent[]>): Promise<readonly OutgoingEvent[]> => {
    const events: OutgoingEvent[] = []
    const slice = slices.begin()
    for (const event of await read) {
      if (slice.isOver()) await slice.next()
      events.push({ ...event, json: signWhenSent(event.json, key) })
    }
    return events
  }
  return {
    ...reader,
    outgoingIn: (rooms, range) => signed(reader.outgoingIn(rooms, range)),
    outgoingTo: (server, range) => signed(reader.outgoingTo(server, range)),
    newestTo: (server, after, limit) => signed(reader.newestTo(server, after, limit)),
  }
}
