import { rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiDeps, apiEndpoints } from '#api'
import { seedOfRun } from '../crash/dice.ts'
import { MailServer } from '../support/other-servers/smtp.ts'
import { scratchFolder } from '../support/scratch.ts'
import { ServerProcess } from '../support/server-process.ts'
import { ChangeLog } from './change-log.ts'
import { Heap } from './heap.ts'
import { anyRequest, type FuzzRequest } from './requests.ts'
import { SHARED_SECRET, World } from './world.ts'

/** `HOMEROOM_TEST_FUZZ`, else 24,000 in the gate and 4,000 by hand. */
const REQUESTS = Number(process.env.HOMEROOM_TEST_FUZZ ?? (process.env.CI === 'true' ? 24_000 : 4_000))
/** Of them, those with something broken in each, which leave nothing behind. */
const BROKEN = Math.floor(REQUESTS / 4)
const WORLD_REQUESTS = 500
const HANG_MS = 5_000
const MEBIBYTE = 1024 * 1024
/** Far beyond what it takes: a slow machine must not fail it. */
const TIME_MS = 120_000 + REQUESTS * 60

/** Declaring the endpoints asks what they need for nothing, so it may be anything. */
const unasked: unknown = new Proxy(() => unasked, { get: () => unasked, apply: () => unasked })
const endpoints = apiEndpoints(unasked as ApiDeps)

/** Answers of 500 and above that the specification asks for: media that was announced and not uploaded in time. */
const isSpecified = (status: number, errcode: unknown): boolean => status === 504 && errcode === 'M_NOT_YET_UPLOADED'

/** The table that holds sessions of user-interactive authentication. */
const SESSIONS = 'short_lived'

describe('requests to every route, as they should be and broken', () => {
  const folder = scratchFolder('fuzz')
  /** With all that can be switched on. */
  const setupWith = (mail: MailServer) => ({
    dataFolder: join(folder, 'data'),
    env: {
      NODE_OPTIONS: '--inspect=127.0.0.1:0',
      HOMEROOM_PASSWORDS_HASH_MEMORY: '8KiB',
      HOMEROOM_REGISTRATION_GUESTS: 'true',
      HOMEROOM_REGISTRATION_SHARED_SECRET: SHARED_SECRET,
      HOMEROOM_REGISTRATION_EMAIL: 'optional',
      HOMEROOM_SERVER_PUBLIC_BASE_URL: 'https://chat.example',
      HOMEROOM_MAIL_SMTP_HOST: '127.0.0.1',
      HOMEROOM_MAIL_SMTP_PORT: String(mail.port),
      HOMEROOM_MAIL_SECURITY: 'none',
      HOMEROOM_MAIL_FROM: 'noreply@chat.example',
      HOMEROOM_URL_PREVIEWS_ENABLED: 'true',
      // Servers that are drawn at random are looked up nowhere, so nothing may be answered with 502 or 504.
      HOMEROOM_FEDERATION_ENABLED: 'false',
    },
  })
  let mail: MailServer
  let server: ServerProcess
  let log: ChangeLog
  let heap: Heap
  let worlds = 0

  beforeAll(async () => {
    mail = await MailServer.start()
    const setup = setupWith(mail)
    server = new ServerProcess(setup)
    await server.ready()
    await server.terminate()
    log = new ChangeLog(setup.dataFolder)
    server = new ServerProcess(setup)
    await server.ready()
    heap = await Heap.open(server.errors)
  })
  afterAll(async () => {
    heap?.close()
    await server?.kill()
    log?.close()
    await mail?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  /** How many answers of each status: a run that is refused everywhere proves little. */
  const statuses = new Map<number, number>()
  /** Requests that are not for pages: those lead everybody to sign in, who is not at a browser. */
  const ofTheApi = { asked: 0, done: 0 }
  /** Changes of accepted requests: so the log sees them. */
  let noted = 0

  const ask = async ({ method, target, headers, body }: FuzzRequest) => {
    const response = await fetch(`${server.url}${target}`, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(HANG_MS),
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, body: isJson && text !== '' ? JSON.parse(text) : undefined, isJson, text }
  }

  /**
   * A demand for further authentication is a refusal that keeps its session, and nothing else. In the first version of the API a stage
   * that failed was a standard error, without the session in it.
   */
  const keepsSession = ({ target }: FuzzRequest, status: number, body: { session?: unknown } | undefined): boolean =>
    (status === 401 && typeof body?.session === 'string') ||
    /^\/_matrix\/client\/api\/v1\/(login|register)\b/.test(target)

  /** OAuth has errors of its own: RFC 6749, section 5.2. */
  const memberOfRefusal = ({ target }: FuzzRequest, body: Readonly<Record<string, unknown>>): string => {
    if (body.flows !== undefined) return 'session'
    return target.startsWith('/oauth/') && body.errcode === undefined ? 'error' : 'errcode'
  }

  /** What the request changed in the database, where it was refused. Work that an earlier request left behind it may fall in between: then it is asked again. */
  const changedByRefused = async (request: FuzzRequest): Promise<readonly unknown[]> => {
    for (let tries = 1; ; tries++) {
      log.take()
      const { status, body } = await ask(request)
      const changes = log.take().filter(({ name }) => name !== SESSIONS || !keepsSession(request, status, body))
      if (status < 400 || changes.length === 0) return []
      if (tries === 5) return changes
    }
  }

  const holds = async (request: FuzzRequest, world: World): Promise<void> => {
    log.take()
    const answer = await ask(request)
    const { status, body, isJson } = answer
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (!/^\/(?:admin|account|oauth)\b/.test(request.target)) {
      ofTheApi.asked++
      if (status === 200) ofTheApi.done++
    }
    if (!isSpecified(status, body?.errcode)) expect(status, answer.text.slice(0, 500)).toBeLessThan(500)
    if (status < 400) noted += log.take().length
    else {
      if (isJson && request.method !== 'HEAD') expect(body).toHaveProperty(memberOfRefusal(request, body))
      if (log.take().length > 0) expect(await changedByRefused(request)).toEqual([])
      if (body?.errcode === 'M_UNKNOWN_TOKEN') await world.logIn()
    }
  }

  /** In worlds that are young: people leave their rooms and throw each other out, and then nothing succeeds any more. */
  const run = async (requests: number, onlyBroken: boolean): Promise<void> => {
    for (let left = requests; left > 0; left -= WORLD_REQUESTS) {
      const world = await World.make(server.url, ++worlds)
      const request = anyRequest(endpoints, world.pools, world.tokens, onlyBroken)
      await fc.assert(
        fc.asyncProperty(request, (one) => holds(one, world)),
        { numRuns: Math.min(left, WORLD_REQUESTS), seed: seedOfRun(), endOnFailure: process.env.CI === 'true' },
      )
    }
  }

  it(
    `bring no answer of 500 and no hang, and what is refused changes nothing (${REQUESTS - BROKEN} requests)`,
    async () => {
      await run(REQUESTS - BROKEN, false)
      console.log([...statuses].map(([status, times]) => `${status}: ${times}`).join(', '))
      expect(ofTheApi.asked).toBeGreaterThan(REQUESTS / 3)
      expect(ofTheApi.done / ofTheApi.asked).toBeGreaterThan(0.133)
      expect(mail.received.length).toBeGreaterThan(0)
      expect(noted).toBeGreaterThan(REQUESTS / 20)
      expect(server.errors).not.toMatch(/"level":"(?:error|fatal)"/)
    },
    TIME_MS,
  )

  it(
    `leave no memory behind where they are broken (${BROKEN} requests)`,
    async () => {
      // What a first request of a kind compiles or fills stays for good.
      await run(Math.floor(BROKEN / 3), true)
      const before = await heap.usedBytes()
      await run(BROKEN - Math.floor(BROKEN / 3), true)
      const grownMiB = ((await heap.usedBytes()) - before) / MEBIBYTE
      console.log(`the heap grew by ${grownMiB.toFixed(2)} MiB`)
      expect(grownMiB).toBeLessThan(8)
    },
    TIME_MS,
  )
})
