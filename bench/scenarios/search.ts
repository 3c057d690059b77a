import type { Account } from '../client/account.ts'
import { runWorkers } from '../measure/workers.ts'
import { patiently } from '../run/target.ts'
import { type Case, once, type Scenario } from './scenario.ts'

const rooms = 20
const senders = 32
const words = 20_000
const wordsEach = 12
/** One message in so many has the rare word. */
const rarity = 25_000

/** A word of a made-up language, in which few words are frequent and most are not. */
const wordOf = (chance: number): string => `w${Math.floor(chance ** 3 * words).toString(36)}`

/** The same numbers in every run. */
const dice = (): (() => number) => {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const textOf = (number: number, roll: () => number): string => {
  const text = Array.from({ length: wordsEach }, () => wordOf(roll()))
  text.push('everyday')
  if (number % rarity === 1) text.push('extraordinary')
  return text.join(' ')
}

const questions = [
  { name: 'rare word, newest first', term: 'extraordinary', order: 'recent' },
  { name: 'rare word, best first', term: 'extraordinary', order: 'rank' },
  { name: 'common word, newest first', term: 'everyday', order: 'recent' },
  { name: 'common word, best first', term: 'everyday', order: 'rank' },
  { name: 'two words, best first', term: `everyday ${wordOf(0.1)}`, order: 'rank' },
  { name: 'no such word', term: 'unheardof', order: 'rank' },
] as const

/** Searches of one member through what everybody wrote in the member's rooms. */
export const search: Scenario = {
  name: 'search',
  title: 'Search in messages (/search)',
  unit: 'searches',
  shows: 'latency',
  cases: ({ target, seconds, scale }) => {
    const scene = once(async () => {
      const reader = await patiently(() => target.registerOne())
      const paths: string[] = []
      for (let made = 0; made < rooms; made += 1)
        paths.push(reader.sendPath(await patiently(() => reader.createRoom(`bench: search ${made}`))))
      const roll = dice()
      let sent = 0
      const send = async (): Promise<void> => {
        while (sent < scale.searchMessages) {
          const number = sent++
          const path = `${paths[number % rooms]}${target.unique()}`
          const body = JSON.stringify({ msgtype: 'm.text', body: textOf(number, roll) })
          await patiently(() => reader.put(path, body))
        }
      }
      await Promise.all(Array.from({ length: senders }, send))
      await indexed(reader, paths[0] ?? '', target.unique())
      return reader
    })
    return questions.map(
      ({ name, term, order }): Case => ({
        name: `${name} (of ${scale.searchMessages} messages)`,
        prepare: async () => void (await scene()),
        warmUp: async () => (await scene()).search(term, order),
        async run() {
          const reader = await scene()
          let answerBytes = 0
          const stretch = await runWorkers({ workers: 1, seconds }, async () => {
            answerBytes += Buffer.byteLength(await reader.search(term, order))
          })
          return { ...stretch, answerBytes }
        },
      }),
    )
  },
}

/** Waits until what was sent last can be found: some servers make their index behind the answers. */
const indexed = async (reader: Account, path: string, marker: string): Promise<void> => {
  const word = `marker${marker.replaceAll(/[^a-z0-9]/gi, '')}`
  await patiently(() => reader.put(path + marker, JSON.stringify({ msgtype: 'm.text', body: word })))
  for (let asked = 0; asked < 300; asked += 1) {
    const answer = JSON.parse(await reader.search(word, 'recent')) as {
      search_categories: { room_events: { results: unknown[] } }
    }
    if (answer.search_categories.room_events.results.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('what was sent is not found')
}
