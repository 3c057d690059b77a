import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { scratchFolder } from '../../support/scratch.ts'
import { ServerProcess } from '../../support/server-process.ts'

/** The niceness of each thread of a process, by the kernel's name of the thread (proc(5), field 19 of stat). */
const threadsOf = (pid: number): { name: string; niceness: number }[] =>
  readdirSync(`/proc/${pid}/task`).map((task) => {
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')
    const end = stat.lastIndexOf(')')
    const niceness = Number(stat.slice(end + 2).split(' ')[16])
    return { name: stat.slice(stat.indexOf('(') + 1, end), niceness }
  })

it.skipIf(process.platform !== 'linux')(
  'the threads that hash passwords and write files are those that wait for the others',
  async () => {
    const folder = scratchFolder('priority')
    const server = new ServerProcess({ dataFolder: join(folder, 'data') })
    try {
      await server.ready()
      const threads = threadsOf(server.pid)
      const pool = threads.filter(({ name }) => name === 'libuv-worker')
      const others = threads.filter(({ name }) => name !== 'libuv-worker')
      const own = getPriority()
      expect(pool.length).toBeGreaterThan(0)
      expect(pool.map(({ niceness }) => niceness)).toEqual(pool.map(() => Math.min(19, own + 10)))
      expect(others.length).toBeGreaterThan(0)
      expect(others.map(({ niceness }) => niceness)).toEqual(others.map(() => own))
    } finally {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    }
  },
  60_000,
)
