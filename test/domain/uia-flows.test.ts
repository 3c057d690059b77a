import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { Sealer, systemClock, systemRandom } from '#base'
import { InteractiveAuth, type Stage, type UiaChallenge, type UiaSession } from '#domain'
import { ShortLivedTables, type Store, writers } from '#store'
import { cleanDatabases, makeSqlite } from '../contract/databases.ts'

const TYPES: readonly string[] = ['a', 'b', 'c', 'd', 'e']

const factOf = (type: string) => ({ kind: 'registrationToken', token: `fact of ${type}` }) as const

/** Sessions in a database, as in the server. */
const authOver = ({ shortLived: reader, commit }: Store): InteractiveAuth => {
  const sealer = new Sealer({ key: new Uint8Array(32), random: systemRandom })
  const ground = { clock: systemClock, random: systemRandom }
  const tables = new ShortLivedTables({ reader, writer: writers.shortLived, commit, sealer, ...ground })
  const sessions = tables.table<UiaSession>('uia-session', { lifetimeMs: 60_000 })
  return new InteractiveAuth({ sessions, stagesOf: () => TYPES.map(stage), lifetimeMs: 60_000, ...ground })
}

afterEach(cleanDatabases)

/** Passes with the right word; the first word of two only says that one was heard. */
const stage = (type: string): Stage => ({
  type,
  attempt: ({ auth }) => {
    if (auth.word === 'half') return Promise.resolve({ kind: 'pending', fields: { heard: type } })
    if (auth.word === 'right') return Promise.resolve({ kind: 'passed', fact: factOf(type) })
    return Promise.resolve({ kind: 'failed', errcode: 'M_FORBIDDEN', error: 'No' })
  },
})

const flows = fc.uniqueArray(fc.shuffledSubarray([...TYPES], { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 4,
  selector: (flow) => flow.join(),
})
/** `undefined`: only the session, as after a stage that was completed elsewhere. */
const attempts = fc.array(
  fc.option(
    fc.record({ type: fc.constantFrom(...TYPES, 'unknown'), word: fc.constantFrom('right', 'right', 'wrong', 'half') }),
  ),
  { maxLength: 16 },
)

const mayCome = (flow: readonly string[], passed: readonly string[], type: string, anyOrder: boolean): boolean =>
  anyOrder
    ? [...passed, type].every((one) => flow.includes(one))
    : [...passed, type].every((one, index) => flow[index] === one)

it('a user-interactive authentication succeeds where a whole flow was passed by the rule of its order, and only there', async () => {
  const store = await (await makeSqlite()).open()
  await fc.assert(
    fc.asyncProperty(flows, attempts, fc.boolean(), async (offered, tried, anyOrder) => {
      const uia = authOver(store)
      let performed = 0
      const run = (auth?: Record<string, string>) =>
        uia.run(
          {
            operation: 'POST /x',
            requester: undefined,
            flows: offered,
            stages: TYPES.map(stage),
            anyOrder,
            auth,
            body: { wish: 1 },
          },
          {
            perform: ({ body, facts }) => {
              performed += 1
              return Promise.resolve({ body, facts: [...facts] })
            },
          },
        )
      const first = await run()
      if (first.kind === 'done') throw new Error('done without any authentication')
      expect(first.body).toMatchObject({ flows: offered.map((stages) => ({ stages })), completed: [] })
      const { session } = first.body

      const passed: string[] = []
      for (const attempt of tried) {
        const answer = await run(attempt === null ? { session } : { session, ...attempt })
        const isNew = attempt !== null && !passed.includes(attempt.type)
        const fits =
          isNew &&
          (isFree(attempt.type) || offered.some((flow) => mayCome(flow, asked(passed), attempt.type, anyOrder)))
        if (fits && attempt.word === 'right') passed.push(attempt.type)
        const isWhole = offered.some((flow) => flow.every((type) => passed.includes(type)))
        expect(answer.kind).toBe(isWhole ? 'done' : 'challenge')
        if (answer.kind === 'done') {
          expect(answer.result).toEqual({ body: { wish: 1 }, facts: passed.map((type) => [type, factOf(type)]) })
          expect(performed).toBe(1)
          return
        }
        expect(answer.body.completed).toEqual(passed)
        expect(answer.body.session).toBe(session)
        expect(answer.body.errcode).toBe(isNew && !(fits && attempt.word !== 'wrong') ? 'M_FORBIDDEN' : undefined)
        expect(answer.body.heard).toBe(fits && attempt.word === 'half' ? attempt.type : undefined)
        for (const type of TYPES) expect((await uia.stageState(session, type)).kind).toBe(stateOf(type, answer.body))
      }
      expect(performed).toBe(0)

      /** What is in no flow can be passed at any time, and does not count. */
      function isFree(type: string): boolean {
        return TYPES.includes(type) && !offered.some((flow) => flow.includes(type))
      }
      function asked(types: readonly string[]): readonly string[] {
        return types.filter((type) => !isFree(type))
      }

      /** How the page of a stage sees it. */
      function stateOf(type: string, { completed }: UiaChallenge): string {
        if (completed.includes(type)) return 'passed'
        if (!offered.some((flow) => flow.includes(type))) return 'notAsked'
        return offered.some((flow) => mayCome(flow, asked(completed), type, anyOrder)) ? 'open' : 'notYet'
      }
    }),
    { numRuns: 300 },
  )
})

it('any order never asks for more than the order of today does', async () => {
  const store = await (await makeSqlite()).open()
  await fc.assert(
    fc.asyncProperty(flows, fc.nat(), async (offered, pick) => {
      const flow: readonly string[] = offered[pick % offered.length] ?? []
      for (const [anyOrder, order] of [
        [false, flow],
        [true, flow],
        [true, flow.toReversed()],
      ] as const) {
        const uia = authOver(store)
        let session: string | undefined
        let isDone = false
        for (const type of order) {
          if (isDone) break
          const answer = await uia.run(
            {
              operation: 'POST /x',
              requester: undefined,
              flows: offered,
              stages: TYPES.map(stage),
              anyOrder,
              auth: { type, word: 'right', ...(session === undefined ? {} : { session }) },
              body: {},
            },
            { perform: () => Promise.resolve() },
          )
          if (answer.kind === 'done') isDone = true
          else session = answer.body.session
        }
        expect(isDone).toBe(true)
      }
    }),
    { numRuns: 100 },
  )
})
