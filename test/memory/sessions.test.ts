import { expect, it } from 'vitest'
import { startHomeserver } from '../support/homeserver.ts'
import { heapNow } from './measure.ts'

const SESSIONS = 1_500
const FILLER = 'x'.repeat(60_000)

it('sessions of interactive authentication that strangers begin hold no memory, with whatever body', {
  timeout: 120_000,
}, async () => {
  await using server = await startHomeserver()
  const client = server.client()
  const begin = async (number: number): Promise<void> => {
    const body = { username: `user${number}`, password: 'p'.repeat(500), filler: `${number}${FILLER}` }
    expect((await client.request('POST', '/v3/register', { body })).status).toBe(401)
  }
  for (let number = 0; number < 100; number++) await begin(number)
  const before = heapNow()
  for (let number = 0; number < SESSIONS; number += 10)
    await Promise.all(Array.from({ length: 10 }, (_, index) => begin(100 + number + index)))
  // A tenth of what the bodies have.
  expect(heapNow() - before).toBeLessThan((SESSIONS * FILLER.length) / 10)
})
