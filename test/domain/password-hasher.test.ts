import { expect, it } from 'vitest'
import { type Random, systemRandom } from '#base'
import { PasswordHasher } from '#domain'

const hasher = (cost = { memoryKib: 8, passes: 1, parallelism: 1 }, random: Random = systemRandom, concurrency = 2) =>
  new PasswordHasher({ random, cost, concurrency })

it('verifies a hash of the reference implementation', async () => {
  const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  expect(await hasher().verify('password', reference)).toBe(true)
  expect(await hasher().verify('Password', reference)).toBe(false)
})

it('tells its own hashes apart by salt, and takes what it made', async () => {
  const [one, two] = [await hasher().hash('secret'), await hasher().hash('secret')]
  expect(one).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(one).not.toBe(two)
  expect([await hasher().verify('secret', one), await hasher().verify('secret ', one)]).toEqual([true, false])
})

it('knows which hashes were made at another cost', async () => {
  const old = await hasher().hash('secret')
  const today = hasher({ memoryKib: 16, passes: 1, parallelism: 1 })
  expect([hasher().isOutdated(old), today.isOutdated(old), today.isOutdated('$2b$12$x')]).toEqual([false, true, true])
  expect(await today.verify('secret', old)).toBe(true)
})

it('answers false where there is nothing to compare with, or no hash', async () => {
  for (const stored of [
    undefined,
    '',
    '$argon2id$v=19$m=8,t=1,p=1$$',
    '$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  ]) {
    expect(await hasher().verify('', stored)).toBe(false)
  }
})

it('takes composed and decomposed letters for the same', async () => {
  expect(await hasher().verify('u\u0308ber', await hasher().hash('\u00fcber'))).toBe(true)
})

it('serves everybody who waits, and refuses who would wait too long', async () => {
  const busy = hasher({ memoryKib: 8, passes: 1, parallelism: 1 }, systemRandom, 1)
  const results = await Promise.allSettled(Array.from({ length: 1_101 }, () => busy.verify('x', undefined)))
  const refused = results.filter(({ status }) => status === 'rejected')
  expect([results.length - refused.length, refused.length]).toEqual([1_001, 100])
  expect(refused[0]).toMatchObject({ reason: { errcode: 'M_LIMIT_EXCEEDED', status: 429 } })
  expect(await busy.verify('x', undefined)).toBe(false)
})
