import { type Case, once, type Scenario } from './scenario.ts'
import { type Outlet, sendLoad, sendWorkers, warmUpSeconds } from './send-load.ts'

/** Every worker is a user of its own; all are in the one room, which serialises their events. */
export const sendOneRoom: Scenario = {
  name: 'send-one-room',
  title: 'Sends into one room',
  unit: 'sends',
  shows: 'rate',
  cases: ({ target, seconds }) => {
    const outlets = once(async (): Promise<Outlet[]> => {
      const senders = await target.accounts(Math.max(...sendWorkers))
      const roomId = await target.roomWith(senders, 'bench: one room')
      return senders.map((sender) => ({
        put: (path, body) => sender.put(path, body),
        paths: [sender.sendPath(roomId)],
      }))
    })
    return sendWorkers.map((workers): Case => {
      const load = async (forSeconds: number) => sendLoad(target, (await outlets()).slice(0, workers), forSeconds)
      return {
        name: workers === 1 ? 'one after another' : `by ${workers} workers`,
        prepare: async () => void (await outlets()),
        warmUp: () => load(warmUpSeconds(seconds)),
        run: () => load(seconds),
      }
    })
  },
}
