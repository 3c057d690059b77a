import type { Random } from '#base'
import { InProcessBus, PROCESSES, Streams } from '#streams'
import type { OpenedGround } from './ground.ts'

/** The process's random number, new at each start. Two processes with one number would take each other's tokens for their own: see `ephemeral-position.ts`. */
const processNumber = (random: Random): number => {
  const [high = 0, low = 0] = random.bytes(2)
  return (high * 256 + low) % PROCESSES
}

/** Builds the streams, which advance after each commit and never before. */
export const buildStreams = async ({ store, clock, random }: OpenedGround): Promise<Streams> => {
  const bus = new InProcessBus()
  const streams = new Streams({
    ...{ clock, bus },
    durable: await store.positions(),
    readDurable: () => store.positions(),
    roomsAround: (page) => store.rooms.roomsAround(page),
    process: processNumber(random),
  })
  store.onCommitted(({ announcements: news, before, positions }) =>
    bus.publish({ kind: 'committed', before, positions, news }),
  )
  return streams
}
