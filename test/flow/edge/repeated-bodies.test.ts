import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { endpoint, none, v3 } from '#http'
import { startEdge } from './fixture.ts'

const PATH = '/_matrix/client/v3/repeats'
const OTHER = '/_matrix/client/v3/repeats-too'

/** Two endpoints whose clients send the same body again and again, and the bodies that their handlers were given. */
const repeating = () => {
  const given: object[] = []
  const repeats = (path: string, member: string) =>
    endpoint({
      method: 'POST',
      paths: v3(path),
      auth: none(),
      rateLimit: 'unlimited',
      query: Type.Object({ limit: Type.Optional(Type.Integer()) }),
      body: Type.Object({ [member]: Type.Object({ words: Type.Array(Type.String()) }) }),
      repeats: true,
      handler: async ({ body }) => {
        given.push(body)
        return { body } as never
      },
    })
  return { given, endpoints: [repeats('/repeats', 'wish'), repeats('/repeats-too', 'other')] }
}

test('a body that comes again is given to the handler as it was read before, and nobody can change it', async () => {
  const { given, endpoints } = repeating()
  await using edge = await startEdge({ endpoints })
  const body = '{"wish":{"words":["Grüße"]}}'
  for (let time = 0; time < 4; time++) {
    const { status, json } = await edge.ask('POST', PATH, { body })
    expect([status, json.body]).toEqual([200, { wish: { words: ['Grüße'] } }])
  }
  const [first, ...later] = given
  expect(new Set(later).size).toBe(1)
  expect(later[0]).not.toBe(first)
  const { wish } = later[0] as { wish: { words: string[] } }
  expect([later[0], wish, wish.words].every(Object.isFrozen)).toBe(true)
  expect(edge.edge.caches()).toEqual([expect.objectContaining({ name: 'request-bodies', entries: 1, hits: 2 })])
})

test('a body with other bytes is another one, and so is the same one sent to another endpoint', async () => {
  const { given, endpoints } = repeating()
  await using edge = await startEdge({ endpoints })
  const bodies = ['{"wish":{"words":["a"]}}', '{"wish":{"words":["b"]}}', '{"wish": {"words":["a"]}}']
  for (let time = 0; time < 3; time++) for (const body of bodies) await edge.ask('POST', PATH, { body })
  expect(given.map((body) => JSON.stringify(body))).toEqual(
    Array.from({ length: 3 }, () => ['a', 'b', 'a'].map((word) => `{"wish":{"words":["${word}"]}}`)).flat(),
  )
  expect(new Set(given.slice(-3)).size).toBe(3)
  const { status, json } = await edge.ask('POST', OTHER, { body: bodies[0] ?? '' })
  expect([status, json.errcode]).toEqual([400, 'M_MISSING_PARAM'])
})

test('what does not fit is refused each time, also where the body alone would fit', async () => {
  const { given, endpoints } = repeating()
  await using edge = await startEdge({ endpoints })
  for (let time = 0; time < 3; time++) {
    for (const [body, query, errcode] of [
      ['{"wish":{"words":[1]}}', '', 'M_BAD_JSON'],
      ['{"wish":', '', 'M_NOT_JSON'],
      ['{}', '', 'M_MISSING_PARAM'],
      ['{"wish":{"words":[]}}', '?limit=many', 'M_INVALID_PARAM'],
    ] as const) {
      const { status, json } = await edge.ask('POST', `${PATH}${query}`, { body })
      expect([status, json.errcode]).toEqual([400, errcode])
    }
  }
  expect(given).toEqual([])
  expect(edge.edge.caches()).toEqual([expect.objectContaining({ entries: 0 })])
})

test('bodies that are long, and those that come once, are not kept', async () => {
  const { given, endpoints } = repeating()
  await using edge = await startEdge({ endpoints, limits: { bodyBytes: 64 * 1024 } })
  const long = JSON.stringify({ wish: { words: ['x'.repeat(17 * 1024)] } })
  for (let time = 0; time < 3; time++) expect((await edge.ask('POST', PATH, { body: long })).status).toBe(200)
  for (let index = 0; index < 20; index++)
    await edge.ask('POST', PATH, { body: JSON.stringify({ wish: { words: [`${index}`] } }) })
  expect(given).toHaveLength(23)
  expect(edge.edge.caches()).toEqual([expect.objectContaining({ entries: 0, sizeBytes: 0 })])
})
