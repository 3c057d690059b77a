import type { Account } from '../client/account.ts'
import { eachOf } from '../measure/workers.ts'
import { patiently, setupWidth } from '../run/target.ts'
import { type Case, once, type Scenario } from './scenario.ts'
import { type Outlet, sendLoad, sendWorkers, warmUpSeconds } from './send-load.ts'

/**
 * Every worker is a user of its own with its own share of the rooms: of `w` workers, worker `i` writes to the rooms whose number
 * leaves the rest `i`. So no two workers ever wait for the same room.
 */
export const sendManyRooms: Scenario = {
  name: 'send-many-rooms',
  title: 'Sends into many rooms',
  unit: 'sends',
  shows: 'rate',
  cases: ({ target, seconds, scale }) => {
    const scene = once(async () => {
      const senders = await target.accounts(Math.max(...sendWorkers))
      const numbers = Array.from({ length: scale.sendRooms }, (_, number) => number)
      const roomIds: string[] = []
      await eachOf(numbers, setupWidth, async (number) => {
        const members = [...new Set(sendWorkers.map((workers) => senders[number % workers] as Account))]
        roomIds[number] = await patiently(() => target.roomWith(members, `bench: room ${number}`))
      })
      return { senders, roomIds }
    })
    return sendWorkers.map((workers): Case => {
      const load = async (forSeconds: number) => {
        const { senders, roomIds } = await scene()
        return sendLoad(target, share(senders.slice(0, workers), roomIds), forSeconds)
      }
      return {
        name: `${workers === 1 ? 'one after another' : `by ${workers} workers`}, ${scale.sendRooms} rooms`,
        prepare: async () => void (await scene()),
        warmUp: () => load(warmUpSeconds(seconds)),
        run: () => load(seconds),
      }
    })
  },
}

function share(senders: readonly Account[], roomIds: readonly string[]): Outlet[] {
  return senders.map((sender, worker) => {
    const own = roomIds.filter((_, number) => number % senders.length === worker)
    return { put: (path, body) => sender.put(path, body), paths: own.map((roomId) => sender.sendPath(roomId)) }
  })
}
