import { expect, test } from 'vitest'
import { endpoint, user, v3 } from '#http'
import { startEdge } from './fixture.ts'

/** An endpoint whose requests run until the test lets them go. */
const held = () => {
  const running: string[] = []
  const waiting: (() => void)[] = []
  const costly = endpoint({
    method: 'GET',
    paths: v3('/costly'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    handler: async ({ requester }) => {
      running.push(requester.userId)
      await new Promise<void>((go) => waiting.push(go))
      return { who: requester.userId }
    },
  })
  return { costly, running, waiting }
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

test('long reads of one user do not hold the others’: few of one run at once, and the rest wait for these alone', async () => {
  const { costly, running, waiting } = held()
  await using edge = await startEdge({ endpoints: [costly] })
  const path = '/_matrix/client/v3/costly'
  const asks = Array.from({ length: 6 }, () => edge.ask('GET', path, { token: 'token-alice' }))
  await until(() => running.length === 2)
  const other = edge.ask('GET', path, { token: 'token-bob' })
  await until(() => running.length === 3)
  expect(running).toEqual(['@alice:edge.test', '@alice:edge.test', '@bob:edge.test'])
  waiting.pop()?.()
  expect((await other).json).toEqual({ who: '@bob:edge.test' })
  expect(running).toHaveLength(3)
  for (let done = 0; done < asks.length; done++) {
    await until(() => waiting.length > 0)
    waiting.shift()?.()
  }
  for (const asked of await Promise.all(asks)) expect(asked.status).toBe(200)
  expect(running).toHaveLength(7)
})

test('a caller of whom too many wait is told to come back later', async () => {
  const { costly, running, waiting } = held()
  await using edge = await startEdge({ endpoints: [costly] })
  const path = '/_matrix/client/v3/costly'
  const asks = Array.from({ length: 103 }, () => edge.ask('GET', path, { token: 'token-alice' }))
  const first = await Promise.race(asks)
  expect([first.status, first.json.errcode]).toEqual([429, 'M_LIMIT_EXCEEDED'])
  expect(first.json.retry_after_ms).toBeGreaterThan(0)
  let done = false
  const all = Promise.all(asks).then((answers) => {
    done = true
    return answers
  })
  while (!done) {
    waiting.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await all).filter(({ status }) => status === 200)).toHaveLength(102)
  expect(running).toHaveLength(102)
})
