import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { HttpClient } from '../client/http-client.ts'
import { nowMs, pauseMs } from '../measure/now.ts'

const startWithinMs = 120_000
const stopWithinMs = 15_000
const keptOutput = 4000

export type RunningServer = { pid: number; stop: () => Promise<void> }

/** Whether this system can pin processes to cores with `taskset`. */
export function canPin(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Command and arguments that run `command` on one core, or anywhere where that is impossible or not wanted. */
export function pinned(cpu: number | undefined, command: string, args: readonly string[]): [string, string[]] {
  return cpu === undefined || !canPin() ? [command, [...args]] : ['taskset', ['-c', String(cpu), command, ...args]]
}

/** Moves this process, all its threads, to one core. Answers false where that is impossible. */
export function pinSelf(cpu: number): boolean {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(cpu), String(process.pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Starts the server in a process group of its own and waits until it answers `/_matrix/client/versions`. */
export async function startServer(command: string, baseUrl: string, cpu: number | undefined): Promise<RunningServer> {
  if (await answersVersions(baseUrl)) throw new Error(`something already answers at ${baseUrl}; stop it before --spawn`)
  const [program, args] = pinned(cpu, '/bin/sh', ['-c', command])
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-keptOutput)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.on('error', (error) => keep(Buffer.from(String(error))))
  const pid = child.pid
  if (pid === undefined) throw new Error(`the server could not be started: ${command}`)
  // A killed or crashing bench must not leave the server behind.
  const stopAtExit = (): void => signalGroup(pid, 'SIGKILL')
  process.once('exit', stopAtExit)
  const stop = async (): Promise<void> => {
    await stopGroup(child, pid)
    process.removeListener('exit', stopAtExit)
  }
  const deadlineMs = nowMs() + startWithinMs
  while (!(await answersVersions(baseUrl))) {
    if (child.exitCode !== null || nowMs() > deadlineMs) {
      await stop()
      throw new Error(`the started server does not answer at ${baseUrl}; it said:\n${output}`)
    }
    await pauseMs(50)
  }
  return { pid, stop }
}

export async function answersVersions(baseUrl: string): Promise<boolean> {
  const http = new HttpClient(baseUrl, 1)
  try {
    const answer = await http.exchange({ method: 'GET', path: '/_matrix/client/versions' })
    return answer.status === 200
  } catch {
    return false
  } finally {
    await http.close()
  }
}

async function stopGroup(child: ChildProcess, pid: number): Promise<void> {
  const deadlineMs = nowMs() + stopWithinMs
  signalGroup(pid, 'SIGTERM')
  while (child.exitCode === null && child.signalCode === null && nowMs() < deadlineMs) await pauseMs(20)
  signalGroup(pid, 'SIGKILL')
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // The group has ended already.
  }
}
