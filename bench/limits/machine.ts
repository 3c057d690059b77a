import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { HttpClient } from '../client/http-client.ts'
import { runWorkers } from '../measure/workers.ts'
import type { Limit } from '../run/results.ts'
import { pinned } from '../run/server-process.ts'
import { messageBody, sendWorkers, warmUpSeconds } from '../scenarios/send-load.ts'

/** Same shape and length as a real send, so that headers and path cost the same. */
const path = `/_matrix/client/v3/rooms/${encodeURIComponent('!bench-room-of-the-usual-length:localhost')}/send/m.room.message/`
const appendGroups = [1, 10, 100] as const
/** statfs(2): a folder in memory syncs for free and would flatter the machine. */
const tmpfsMagic = 0x01021994

/** Where SQLite is measured unless told: the temporary folder, or the current one where that lies in memory. */
export function defaultLimitsDir(): string {
  const temporary = tmpdir()
  return statfsSync(temporary).type === tmpfsMagic ? process.cwd() : temporary
}

/** Measures the parts of a send that no server can do without, on the server's core where one is named. */
export async function measureLimits(plan: {
  seconds: number
  folder: string
  serverCpu: number | undefined
}): Promise<Limit[]> {
  const limits: Limit[] = await echoLimits(plan.seconds, plan.serverCpu)
  for (const width of appendGroups) limits.push(await localLimit('sqlite-append', width, plan))
  limits.push(await localLimit('ed25519-sign', 1, plan))
  return limits
}

async function echoLimits(seconds: number, cpu: number | undefined): Promise<Limit[]> {
  const [program, args] = pinned(cpu, process.execPath, [fileURLToPath(new URL('./echo-server.ts', import.meta.url))])
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    const http = new HttpClient(`http://127.0.0.1:${Number(port.toString())}`, Math.max(...sendWorkers))
    const limits: Limit[] = []
    for (const workers of sendWorkers) {
      let sent = 0
      const send = async (): Promise<void> => {
        const transaction = `limit-${sent++}`
        await http.call({
          method: 'PUT',
          path: path + transaction,
          token: 'syt_bench_token',
          body: messageBody(transaction),
        })
      }
      await runWorkers({ workers, seconds: warmUpSeconds(seconds) }, send)
      const stretch = await runWorkers({ workers, seconds }, send)
      const ratePerSecond = (stretch.operations * 1000) / stretch.elapsedMs
      limits.push({ name: 'http-echo', width: workers, ratePerSecond })
    }
    await http.close()
    return limits
  } finally {
    child.stdin.end()
    child.kill()
  }
}

async function localLimit(
  name: 'sqlite-append' | 'ed25519-sign',
  width: number,
  plan: { seconds: number; folder: string; serverCpu: number | undefined },
): Promise<Limit> {
  const script = fileURLToPath(new URL('./local-work.ts', import.meta.url))
  const args = [script, name, String(width), String(plan.seconds), plan.folder]
  const { stdout } = await promisify(execFile)(...pinned(plan.serverCpu, process.execPath, args))
  const ratePerSecond = Number(stdout.trim())
  if (!(ratePerSecond > 0)) throw new Error(`measuring ${name} failed: ${stdout.slice(0, 200)}`)
  return { name, width, ratePerSecond }
}
