import { nowMs } from '../measure/now.ts'
import { emptyStretch, noteFailure } from '../measure/workers.ts'
import { type Case, once, type Scenario } from './scenario.ts'

const joiners = [1, 10] as const
const failuresEnough = 20

/** Users join and leave again; only the joins are timed, so that the room keeps its size. */
export const joinLargeRoom: Scenario = {
  name: 'join-large-room',
  title: 'Joins into a large room',
  unit: 'joins',
  shows: 'latency',
  cases: ({ target, seconds, scale }) => {
    const scene = once(async () => {
      const most = Math.max(...joiners)
      const accounts = await target.accounts(scale.largeRoomMembers + most)
      const roomId = await target.roomWith(accounts.slice(0, scale.largeRoomMembers), 'bench: large room')
      return { roomId, outside: accounts.slice(-most) }
    })
    return joiners.map(
      (workers): Case => ({
        name: `${scale.largeRoomMembers} members, by ${workers === 1 ? '1 user' : `${workers} users`}`,
        prepare: async () => void (await scene()),
        async run() {
          const { roomId, outside } = await scene()
          const stretch = emptyStretch()
          const startMs = nowMs()
          const deadlineMs = startMs + seconds * 1000
          const joinAndLeave = async (account: (typeof outside)[number]): Promise<void> => {
            const beforeMs = nowMs()
            await account.join(roomId)
            stretch.latenciesMs.push(nowMs() - beforeMs)
            stretch.operations += 1
            await account.leave(roomId)
          }
          const work = async (account: (typeof outside)[number]): Promise<void> => {
            while (nowMs() < deadlineMs && stretch.errors < failuresEnough) {
              await joinAndLeave(account).catch((error: unknown) => noteFailure(stretch, error))
            }
          }
          await Promise.all(outside.slice(0, workers).map(work))
          stretch.elapsedMs = nowMs() - startMs
          return stretch
        },
      }),
    )
  },
}
