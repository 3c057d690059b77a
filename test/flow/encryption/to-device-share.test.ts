import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import type { DeviceId, UserId } from '#spec'
import { openStore, writers } from '#store'
import { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type Place, type TestHomeserver } from '../../support/homeserver.ts'

const USERS = 100
const DEVICES_OF_USER = 50
const MOST_MS = 50

const userIdOf = (user: number): UserId => `@member${user}:localhost` as UserId
const tokenOf = (user: number, device: number): string => `hra_${`${user}x${device}x`.padEnd(43, 'T')}`

/** A database with the users and their devices, as logins would have made it. */
const membersIn = async ({ dataFolder, databaseUrl }: Place): Promise<void> => {
  writeFileSync(join(dataFolder, 'signing.key'), `ed25519 1 ${Buffer.alloc(32, 1).toString('base64')}\n`, {
    mode: 0o600,
  })
  const url = databaseUrl ?? `sqlite:${dataFolder}/homeroom.sqlite`
  const store = await openStore({ url, clock: systemClock, logger: silentLogger })
  const account = { passwordHash: undefined, guest: false, admin: false, createdAtMs: 1 }
  const session = (user: number, device: number) =>
    writers.devices.startSession({
      userId: userIdOf(user),
      deviceId: `D${device}` as DeviceId,
      displayName: undefined,
      tokens: {
        accessHash: createHash('sha256').update(tokenOf(user, device)).digest('hex'),
        accessExpiresAtMs: undefined,
        refreshHash: undefined,
        refreshExpiresAtMs: undefined,
      },
      seen: { ip: '::1', userAgent: undefined, atMs: 1 },
    })
  for (let user = 0; user < USERS; user++) {
    await store.commit([
      writers.accounts.create({ ...account, userId: userIdOf(user) }),
      ...Array.from({ length: DEVICES_OF_USER }, (_, device) => session(user, device)),
    ])
  }
  await store.close()
}

const clientOf = (homeserver: TestHomeserver, user: number, device: number): TestClient => {
  const client = new TestClient(() => homeserver.url)
  return Object.assign(client, { userId: userIdOf(user), deviceId: `D${device}`, accessToken: tokenOf(user, device) })
}

/** A room key for each device, of the size that clients send. */
const share = (marked: string): string => {
  const content = (device: string) => ({
    algorithm: 'm.olm.v1.curve25519-aes-sha2',
    sender_key: 's'.repeat(43),
    ciphertext: { ['r'.repeat(43)]: { type: 0, body: 'c'.repeat(900) } },
    marked: `${marked} ${device}`,
  })
  const ofUser = Object.fromEntries(Array.from({ length: DEVICES_OF_USER }, (_, at) => [`D${at}`, content(`D${at}`)]))
  return JSON.stringify({
    messages: Object.fromEntries(Array.from({ length: USERS }, (_, at) => [userIdOf(at), ofUser])),
  })
}

/** Sends from another thread, so that only the server's work is measured here. Answers with the status. */
const SENDER = `
  const { workerData, parentPort } = require('node:worker_threads')
  fetch(workerData.url, { method: 'PUT', headers: workerData.headers, body: workerData.body }).then(
    ({ status }) => parentPort.postMessage(status))`

const sendShare = (homeserver: TestHomeserver, body: string, txn: string): Promise<number> => {
  const url = `${homeserver.url}/_matrix/client/v3/sendToDevice/m.room.encrypted/${txn}`
  const workerData = { url, body, headers: { authorization: `Bearer ${tokenOf(0, 0)}` } }
  return new Promise((resolve, reject) => {
    new Worker(SENDER, { eval: true, workerData }).once('message', resolve).once('error', reject)
  })
}

/** The time that this thread has run, where the system tells it: other programs of the machine do not count then. */
const ranMs = (): number => {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
  } catch {
    return performance.now()
  }
}

/** The longest that the event loop was stopped while the work was done. */
const longestStep = async (work: Promise<unknown>): Promise<number> => {
  let longest = 0
  let last = ranMs()
  let done = false
  const look = (): void => {
    const now = ranMs()
    longest = Math.max(longest, now - last)
    last = now
    if (!done) setImmediate(look)
  }
  setImmediate(look)
  await work
  done = true
  return longest
}

onEveryHomeserver('a share of one key to 5,000 devices', (start) => {
  it('stops the event loop for no 50 ms, and reaches each of them once', async () => {
    await using homeserver = await start({ inherit: membersIn })
    const steps: number[] = []
    for (const round of ['0', '1', '2']) {
      const sending = sendShare(homeserver, share(round), round)
      steps.push(await longestStep(sending))
      expect(await sending).toBe(200)
    }
    // Collection of garbage may fall into one of the rounds; what takes long by itself takes long in each.
    expect(Math.min(...steps)).toBeLessThan(MOST_MS)
    for (const [user, device] of [
      [0, 0],
      [42, 7],
      [99, 49],
    ] as const) {
      const { to_device } = await clientOf(homeserver, user, device).sync()
      const marks = to_device.events.map(({ content }: { content: { marked: string } }) => content.marked)
      expect(marks).toEqual(['0', '1', '2'].map((round) => `${round} D${device}`))
    }
  }, 120_000)
})
