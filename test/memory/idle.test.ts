import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { scratchFolder } from '../support/scratch.ts'
import { ServerProcess } from '../support/server-process.ts'

const MEGABYTE = 1_000_000
const ACCOUNTS = 10
const IDLE_WITHIN = { timeout: 20_000, interval: 200 }

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

/** A server that has started, not for the first time, and been asked for its versions. */
const startedAgain = async (env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> => {
  const dataFolder = scratchFolder('idle')
  undo.push(() => rmSync(dataFolder, { recursive: true, force: true }))
  const first = new ServerProcess({ dataFolder })
  undo.push(() => first.kill())
  await first.ready()
  await first.terminate()
  const server = new ServerProcess({ dataFolder, env })
  undo.push(() => server.kill())
  const answer = await fetch(`${await server.ready()}/_matrix/client/versions`)
  expect(answer.status).toBe(200)
  return server
}

const residentBytes = ({ pid }: ServerProcess): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024

const threadsOf = ({ pid }: ServerProcess): readonly string[] =>
  readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim())

describe.runIf(process.platform === 'linux')('an idle server', () => {
  it.each([
    ['nothing', {}],
    ['the environment', { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576' }],
  ])('has the options and the environment of a server where %s was set before', async (_, env) => {
    const server = await startedAgain(env)
    const ofProcess = (name: string): readonly string[] =>
      readFileSync(`/proc/${server.pid}/${name}`, 'utf8').split('\0')
    expect(ofProcess('cmdline')).toContain('--max-semi-space-size=16')
    expect(ofProcess('environ')).toEqual(
      expect.arrayContaining(['MALLOC_ARENA_MAX=2', 'MALLOC_MMAP_THRESHOLD_=1048576']),
    )
  })

  it('holds less than 150 MB, and no thread but the one that writes', { timeout: 120_000 }, async () => {
    const server = await startedAgain()
    await vi.waitFor(() => {
      const threads = threadsOf(server)
      expect(threads).toContain('writes')
      expect(threads).not.toContain('long reads')
      expect(threads).not.toContain('WorkerThread')
      expect(residentBytes(server)).toBeLessThan(150 * MEGABYTE)
    }, IDLE_WITHIN)
  })

  it('gives back what password hashes took', { timeout: 120_000 }, async () => {
    const server = await startedAgain()
    const before = residentBytes(server)
    for (let account = 0; account < ACCOUNTS; account++) {
      const { status } = await fetch(`${server.url}/_matrix/client/v3/register`, {
        method: 'POST',
        body: JSON.stringify({
          username: `u${account}`,
          password: 'down the rabbit hole',
          auth: { type: 'm.login.dummy' },
        }),
      })
      expect(status).toBe(200)
    }
    // With the C library's own settings it is 100 MB.
    await vi.waitFor(() => expect(residentBytes(server) - before).toBeLessThan(40 * MEGABYTE), IDLE_WITHIN)
  })

  it('has loaded no package but those of its log, beside what its prepared copy holds', {
    timeout: 120_000,
  }, async () => {
    const noted = join(scratchFolder('noted'), 'packages')
    undo.push(() => rmSync(join(noted, '..'), { recursive: true, force: true }))
    const hook = join(import.meta.dirname, 'note-packages.mjs')
    await startedAgain({ NODE_OPTIONS: `--import ${hook}`, NOTED_PACKAGES: noted })
    const packages = new Set(readFileSync(noted, 'utf8').trim().split('\n'))
    expect([...packages].toSorted()).toEqual([
      '.cache',
      '@pinojs/redact',
      'atomic-sleep',
      'on-exit-leak-free',
      'pino',
      'pino-std-serializers',
      'quick-format-unescaped',
      'safe-stable-stringify',
      'sonic-boom',
      'thread-stream',
    ])
  })
})
