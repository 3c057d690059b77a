import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, Query, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { askOld, doOld, getOld } from '../../support/old-client.ts'

const enc = encodeURIComponent
const bodies = ({ chunk }: Json): string[] => chunk.flatMap(({ content }: Json) => content.body ?? [])
const idsOf = (chunk: Json[]): string[] => chunk.map(({ event_id: id }) => id)
const names = (from: number, to: number, step = from < to ? 1 : -1): string[] =>
  Array.from({ length: Math.abs(to - from) + 1 }, (_, n) => `E${from + n * step}`)

onEveryHomeserver('pages for clients of 2015', (start) => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let count = 0
  beforeAll(async () => {
    homeserver = await start()
  })
  afterAll(() => homeserver.stop())
  /** Alone with a room of her own. */
  const somebody = async (): Promise<string> => {
    count += 1
    alice = await homeserver.register(`alice${count}`)
    return (await doOld(alice, 'POST', '/createRoom', { visibility: 'public' })).room_id
  }
  const pathOf = (roomId: string, what: string): string => `/rooms/${enc(roomId)}/${what}`
  const say = async (roomId: string, from: number, to: number): Promise<void> => {
    for (const name of names(from, to)) await alice.sendText(roomId, name)
  }
  /** Page after page, until one is empty or at the end of the data set. */
  const readAll = async (path: string, first: Query, limit: number, meanwhile: () => Promise<unknown>) => {
    const all: Json[] = []
    let from = first.from
    for (let round = 0; round < 300; round++) {
      const page = await getOld(alice, path, { ...first, from, limit })
      if (from !== first.from) expect(page.start).toBe(from)
      expect(page.chunk.length).toBeLessThanOrEqual(limit)
      all.push(...page.chunk)
      if (page.chunk.length === 0 || page.end === first.to) return all
      expect(page.end).not.toBe(from)
      from = page.end
      await meanwhile()
    }
    throw new Error('the pages do not end')
  }

  describe('of the events E1 to E15', () => {
    it.each(['events', 'messages'])(
      'give the last five of /%s from END to START, and go on exclusively from there',
      async (what) => {
        const roomId = await somebody()
        const path = what === 'events' ? '/events' : pathOf(roomId, 'messages')
        await say(roomId, 1, 15)
        const page = (query: Query): Promise<Json> => getOld(alice, path, query)
        const last = await page({ to: 'START', limit: 5, from: 'END' })
        expect(bodies(last)).toEqual(names(15, 11))
        const middle = await page({ to: 'START', limit: 5, from: last.end })
        expect([bodies(middle), middle.start]).toEqual([names(10, 6), last.end])
        expect(bodies(await page({ from: middle.end, to: last.end }))).toEqual(names(6, 10))
        expect(bodies(await page({ from: last.end, to: middle.end }))).toEqual(names(10, 6))
        expect(bodies(await page({ from: middle.end, to: 'END', limit: 3 }))).toEqual(names(6, 8))
      },
    )

    it.each(['events', 'messages'])(
      'are everything, from START to END and without a limit, where /%s is told nothing else',
      async (what) => {
        const roomId = await somebody()
        await say(roomId, 1, 15)
        const everything = await getOld(alice, what === 'events' ? '/events' : pathOf(roomId, 'messages'))
        expect(bodies(everything)).toEqual(names(1, 15))
        expect(everything.chunk[0].type).toBe('m.room.create')
        expect(everything).toMatchObject({ start: expect.any(String), end: expect.any(String) })
      },
    )

    it('are around what an initial sync showed: before its start in the history, after its end in the stream', async () => {
      const roomId = await somebody()
      await say(roomId, 0, 9)
      const { rooms, end } = await getOld(alice, '/initialSync', { limit: 5 })
      const { messages } = rooms.find(({ room_id: id }: Json) => id === roomId)
      expect(bodies(messages)).toEqual(names(5, 9))
      expect(messages.end).toBe(end)
      const before = await getOld(alice, pathOf(roomId, 'messages'), { from: messages.start, dir: 'b', limit: 5 })
      expect(bodies(before)).toEqual(names(4, 0))
      const waiting = getOld(alice, '/events', { from: messages.end, timeout: 10_000 })
      await say(roomId, 10, 10)
      const next = await waiting
      expect([bodies(next), next.start]).toEqual([['E10'], messages.end])
      // Presence comes in its own time.
      const { chunk } = await getOld(alice, '/events', { from: next.end })
      expect(chunk.filter(({ type }: Json) => type !== 'm.presence')).toEqual([])
    })
  })

  it('refuse tokens that are none, of elsewhere, and of the future with 400 and words', async () => {
    const roomId = await somebody()
    const { end } = await getOld(alice, '/initialSync', { limit: 0 })
    const future = end.replace(/^h1_\d+/, 'h1_999999999')
    const foreign = ['nonsense', 's3456_9_0', 't44-3453_9_0', '-1', 'START ', 'end', '\u0000']
    for (const [path, tokens] of [
      ['/events', [...foreign, future, 't999999999', 'n1_1']],
      [pathOf(roomId, 'messages'), [...foreign, future, 't999999999', 'n1_1']],
      [pathOf(roomId, 'members'), [...foreign, future, 't999999999', 'n1_1']],
      ['/publicRooms', [...foreign, end, 't1', 'n1_999999999']],
    ] as const) {
      for (const token of tokens) {
        for (const query of [{ from: token }, { from: 'START', to: token }]) {
          const { status, body } = await askOld(alice, 'GET', path, undefined, { ...query, timeout: 0 })
          expect([path, query, status, body]).toEqual([
            path,
            query,
            400,
            { errcode: 'M_INVALID_PARAM', error: expect.stringMatching(/\w+ \w+/) },
          ])
        }
      }
    }
  })

  it('hold each event of a room exactly once, in both directions, while others write', async () => {
    const roomId = await somebody()
    const path = pathOf(roomId, 'messages')
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(3), { maxLength: 6 }), async (limit, writes) => {
        const before = idsOf((await getOld(alice, path, { from: 'END', to: 'START', limit: 500 })).chunk)
        const left = [...writes]
        const meanwhile = async (): Promise<void> => {
          for (let n = left.pop() ?? 0; n > 0; n--) await alice.sendText(roomId, 'meanwhile')
        }
        const back = await readAll(path, { from: 'END', to: 'START' }, limit, meanwhile)
        expect(idsOf(back)).toEqual(before)
        left.push(...writes)
        const forth = idsOf(await readAll(path, { from: 'START', to: 'END' }, limit, meanwhile))
        const after = idsOf((await getOld(alice, path, { from: 'START', to: 'END', limit: 500 })).chunk)
        expect(forth).toEqual(after.slice(0, forth.length))
        expect(forth).toEqual(expect.arrayContaining(before))
      }),
      { numRuns: 8, endOnFailure: true },
    )
  })

  it('hold each member and each public room exactly once while others come', async () => {
    const roomId = await somebody()
    const guests = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => homeserver.register(`guest${count}x${n}`)))
    for (const guest of guests.slice(0, 3)) await guest.join(roomId)
    const members = async (): Promise<string[]> =>
      (await getOld(alice, pathOf(roomId, 'members'))).chunk.map(({ state_key: key }: Json) => key)
    const before = await members()
    const late = guests.slice(3)
    const come = async (): Promise<void> => {
      await late.pop()?.join(roomId)
      await doOld(alice, 'POST', '/createRoom', { visibility: 'public' })
    }
    const paged = await readAll(pathOf(roomId, 'members'), { from: 'START', to: 'END' }, 1, come)
    const keys = paged.map(({ state_key: key }) => key)
    expect(keys.slice(0, before.length)).toEqual(before)
    expect(keys).toEqual((await members()).slice(0, keys.length))
    const listed = async (query: Query = {}): Promise<string[]> =>
      (await getOld(alice, '/publicRooms', query)).chunk.map(({ room_id: id }: Json) => id)
    const known = await listed()
    const back = await readAll('/publicRooms', { from: 'END', to: 'START' }, 2, () => listed())
    expect(back.map(({ room_id: id }) => id)).toEqual(known.toReversed())
    let made = 0
    const forth = await readAll('/publicRooms', { from: 'START', to: 'END' }, 2, async () => {
      made += 1
      if (made < 3) await doOld(alice, 'POST', '/createRoom', { visibility: 'public' })
    })
    const ids = forth.map(({ room_id: id }) => id)
    expect(ids.slice(0, known.length)).toEqual(known)
    expect(new Set(ids).size).toBe(ids.length)
  })
})
