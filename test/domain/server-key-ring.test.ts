import { expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { KeyFetches, KnownKeys, ServerKeyRing, SignatureThreads, type SignedObject } from '#domain'
import { FederationFailure, type FederationRequest } from '#net'
import { type SigningKey, signingKeyFromSeed, signJson } from '#rules'
import type { JsonObject, JsonValue, ServerName } from '#spec'
import { type Store, writers } from '#store'
import { onEveryDatabase } from '../contract/databases.ts'
import { longestStepMs } from '../support/event-loop.ts'

const US = 'us.example' as ServerName
const DAY_MS = 24 * 3_600_000

const keyOf = (server: string, byte: number): SigningKey => {
  const seed = Buffer.alloc(32, byte).toString('base64').slice(0, 43)
  const key = signingKeyFromSeed('ed25519:k', server as ServerName, seed)
  if (!key.ok) throw new Error(key.failure.reason)
  return key.value
}

const signedBy = (object: JsonObject, key: SigningKey): JsonObject => {
  const signed = signJson(object, key)
  if (!signed.ok) throw new Error(signed.failure.reason)
  return signed.value
}

const published = (key: SigningKey): JsonObject =>
  signedBy(
    {
      ...{ server_name: key.serverName, valid_until_ts: Date.now() + DAY_MS, old_verify_keys: {} },
      verify_keys: { [key.keyId]: { key: key.publicKey } },
    },
    key,
  )

/** A network in which these servers, and notaries that know all of them, answer. */
const ring = (store: Store, keys: readonly SigningKey[], { notary }: { readonly notary?: SigningKey } = {}) => {
  const asked: string[] = []
  const requests = {
    json: async (server: ServerName, { path, body }: FederationRequest): Promise<JsonValue> => {
      asked.push(`${server} ${path}`)
      if (notary !== undefined && server === notary.serverName && path.endsWith('/query')) {
        const named = Object.keys((body?.server_keys ?? {}) as JsonObject)
        const found = keys.filter(({ serverName }) => named.includes(serverName))
        return { server_keys: found.map((key) => signedBy(published(key), notary)) }
      }
      const key = [...keys, ...(notary === undefined ? [] : [notary])].find(({ serverName }) => serverName === server)
      if (key !== undefined) return published(key)
      throw new FederationFailure({ destination: server, kind: 'unreachable', reason: 'nobody there' })
    },
  }
  const known = new KnownKeys({
    reader: store.serverKeys,
    writer: writers.serverKeys,
    commit: store.commit,
    logger: silentLogger,
  })
  const keyServers = notary === undefined ? [] : [notary.serverName]
  const fetches = new KeyFetches({ requests, known, keyServers, clock: systemClock, logger: silentLogger })
  const threads = new SignatureThreads(systemClock)
  const own = keyOf(US, 1)
  const keyRing = new ServerKeyRing({
    ...{ serverName: US, ownKeys: [own], known, fetches, threads, clock: systemClock },
  })
  return { keyRing, asked, own, [Symbol.asyncDispose]: () => threads.close() }
}

const item = (object: JsonObject, server: string, validAtMs = Date.now()): SignedObject => ({
  ...{ object, server: server as ServerName, validAtMs },
})

onEveryDatabase('the key ring', (open) => {
  it('checks objects of several servers, and those of its own', async () => {
    const [a, b] = [keyOf('a.example', 2), keyOf('b.example', 3)]
    await using world = ring(await open(), [a, b])
    const both = signedBy(signedBy({ n: 1 }, a), b)
    const changed = { ...both, n: 2 }
    const answers = await world.keyRing.checkSigned([
      ...[item(both, 'a.example'), item(both, 'b.example'), item(both, 'c.example')],
      ...[item(changed, 'a.example'), item(signedBy({ n: 3 }, world.own), US), item({ n: 4 }, 'a.example')],
      item({ n: 5, signatures: { 'a.example': { 'ed25519:k': 'AAAA', 'ed25519:policy_server': 'x' } } }, 'a.example'),
    ])
    expect(answers).toEqual([true, true, false, false, true, false, false])
    expect(world.asked.sort()).toEqual(['a.example /_matrix/key/v2/server', 'b.example /_matrix/key/v2/server'])
  })

  it('asks for keys once, and for none that could only be of a policy server', async () => {
    const a = keyOf('a.example', 2)
    await using world = ring(await open(), [a])
    const items = Array.from({ length: 50 }, (_, n) => item(signedBy({ n }, a), 'a.example'))
    await Promise.all([world.keyRing.checkSigned(items), world.keyRing.checkSigned(items)])
    const policy = { signatures: { 'p.example': { 'ed25519:policy_server': 'x' } } }
    expect(await world.keyRing.checkSigned([item(policy, 'p.example')])).toEqual([false])
    expect(world.asked).toEqual(['a.example /_matrix/key/v2/server'])
  })

  it('takes an event that was signed while the key was valid, and none from after it', async () => {
    const a = keyOf('a.example', 2)
    await using world = ring(await open(), [a])
    const object = signedBy({ n: 1 }, a)
    const at = (ms: number) => item(object, 'a.example', ms)
    const answers = await world.keyRing.checkSigned([
      at(0),
      at(Date.now() - 1000 * DAY_MS),
      at(Date.now() + 2 * DAY_MS),
    ])
    expect(answers).toEqual([true, true, false])
  })

  it('asks a notary first where many servers are not known, in one question, and each of the others itself', async () => {
    const keys = Array.from({ length: 40 }, (_, at) => keyOf(`s${at}.example`, 10 + at))
    const notary = keyOf('notary.example', 5)
    await using world = ring(await open(), keys.slice(0, 30), { notary })
    const items = keys.map((key) => item(signedBy({ n: 1 }, key), key.serverName))
    const answers = await world.keyRing.checkSigned(items)
    expect(answers).toEqual(keys.map((_, at) => at < 30))
    expect(world.asked.filter((one) => one.endsWith('/query'))).toEqual(['notary.example /_matrix/key/v2/query'])
    // The notary, and the ten that nobody knows.
    expect(world.asked).toHaveLength(1 + 1 + 10)
  })

  // Other programs on the machine make a step long as well, but not again and again.
  it('checks thousands of objects on threads without holding up others, and finds the wrong ones among them', {
    retry: 2,
  }, async () => {
    const keys = [keyOf('a.example', 2), keyOf('b.example', 3)] as const
    await using world = ring(await open(), keys)
    const signed = Array.from({ length: 1_000 }, (_, n) => {
      const key = keys[n % 2] ?? keys[0]
      const content = { body: `message ${n} `.repeat(20) }
      const good = signedBy({ type: 'm.room.message', depth: n, content }, key)
      return item(n % 100 === 7 ? { ...good, depth: -1 } : good, key.serverName)
    })
    const items = Array.from({ length: 6 }, () => signed).flat()
    let answers: readonly boolean[] = []
    const longest = await longestStepMs(async () => {
      answers = await world.keyRing.checkSigned(items)
    })
    expect(answers).toEqual(items.map((_, at) => (at % 1_000) % 100 !== 7))
    // That many signatures are half a second and more.
    expect(longest).toBeLessThan(50)
  })
})
