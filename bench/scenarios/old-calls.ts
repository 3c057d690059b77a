import type { Account } from '../client/account.ts'
import { nextBatch } from '../client/account.ts'
import { eachOf, runWorkers, type Stretch } from '../measure/workers.ts'
import { patiently, setupWidth, type Target } from '../run/target.ts'
import { type Case, once, type Scenario } from './scenario.ts'
import { messageBody } from './send-load.ts'

/** Messages of each room: as many as both calls show. */
const messages = 10
const windows = [1, 10, 50] as const

/** Every event has one, whatever else is in an answer. */
const eventsIn = (answer: string): number => answer.split('"origin_server_ts"').length - 1

/** The same question again and again, counting what events its answers hold. */
async function asked(seconds: number, call: () => Promise<string>): Promise<Stretch> {
  let count = 0
  let answerBytes = 0
  const stretch = await runWorkers({ workers: 1, seconds }, async () => {
    const answer = await call()
    count += eventsIn(answer)
    answerBytes += Buffer.byteLength(answer)
  })
  return { ...stretch, answerBytes, items: { count, unit: 'events' } }
}

async function roomOf(account: Account, name: string, target: Target): Promise<string> {
  const roomId = await patiently(() => account.createRoom(name))
  await say(account, roomId, messages, target)
  return roomId
}

async function say(account: Account, roomId: string, count: number, target: Target): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const marker = target.unique()
    await patiently(() => account.put(account.sendPath(roomId) + marker, messageBody(marker)))
  }
}

/** The first sync of today and that of 2015, of the same rooms. A part of the filter differs each time, as in `first-sync`. */
export const initialSync: Scenario = {
  name: 'initial-sync',
  title: 'First /sync and /initialSync',
  unit: 'syncs',
  shows: 'latency',
  twins: ['/sync', '/initialSync'],
  cases: ({ target, seconds, scale }) =>
    scale.syncRooms.flatMap((rooms): Case[] => {
      const account = once(async () => {
        const registered = await patiently(() => target.registerOne())
        const numbers = Array.from({ length: rooms })
        await eachOf(numbers, setupWidth, async (_, n) => void (await roomOf(registered, `bench: both ${n}`, target)))
        return registered
      })
      const prepare = async (): Promise<void> => void (await account())
      const of = rooms === 1 ? '1 room' : `${rooms} rooms`
      const filter = (): string => JSON.stringify({ account_data: { not_types: [`org.example.${target.unique()}`] } })
      return [
        {
          name: `/sync, ${of}`,
          prepare,
          run: async () => {
            const syncing = await account()
            return asked(seconds, () => syncing.sync({ timeoutMs: 0, filter: filter() }))
          },
        },
        {
          name: `/initialSync, ${of}`,
          prepare,
          run: async () => {
            const syncing = await account()
            return asked(seconds, () => syncing.initialSync(messages))
          },
        },
      ]
    }),
}

/** What came since a token, by the call of today and by that of 2015. */
export const readOn: Scenario = {
  name: 'read-on',
  title: 'Reading on: /sync and /events',
  unit: 'answers',
  shows: 'latency',
  twins: ['/sync', '/events'],
  cases: ({ target, seconds }) => {
    const filter = JSON.stringify({
      presence: { not_types: ['*'] },
      room: { timeline: { limit: Math.max(...windows) } },
    })
    /** One reader for each window, for a token of `/events` is only got at its place. */
    const readers = windows.map((events) => ({
      events,
      reader: once(async () => {
        const account = await patiently(() => target.registerOne())
        const roomId = await roomOf(account, `bench: reading on ${events}`, target)
        await patiently(() => account.hide())
        const since = nextBatch(await account.sync({ timeoutMs: 0, filter }))
        const from = streamEnd(await account.events({ timeoutMs: 0 }))
        await say(account, roomId, events, target)
        return { account, since, from }
      }),
    }))
    return readers.flatMap(({ events, reader }): Case[] => {
      const prepare = async (): Promise<void> => void (await reader())
      const of = events === 1 ? '1 event' : `${events} events`
      return [
        {
          name: `/sync, ${of}`,
          prepare,
          run: async () => {
            const { account, since } = await reader()
            return asked(seconds, () => account.sync({ since, timeoutMs: 0, filter }))
          },
        },
        {
          name: `/events, ${of}`,
          prepare,
          run: async () => {
            const { account, from } = await reader()
            return asked(seconds, () => account.events({ from, timeoutMs: 0 }))
          },
        },
      ]
    })
  },
}

function streamEnd(answer: string): string {
  const { end } = JSON.parse(answer) as { end?: unknown }
  if (typeof end !== 'string') throw new Error('the /events answer holds no end')
  return end
}
