import { readdirSync, readFileSync } from 'node:fs'

/** The kernel's USER_HZ, 100 on every Linux port that Node runs on: /proc gives processor time in hundredths of a second. */
const ticksPerSecond = 100

export type ProcessSample = {
  /** Processor time spent so far by all threads, user and system, in milliseconds. */
  cpuMs: number
  /** Resident memory. Pages shared between processes count once per process. */
  rssBytes: number
  peakRssBytes: number
  threads: number
  processes: number
}

type Stat = { pid: number; parent: number; cpuMs: number; threads: number }

/** Fields of /proc/PID/stat (proc(5)); the command name may hold spaces and brackets, so counting starts behind its end. */
export function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    cpuMs: ((field(14) + field(15)) * 1000) / ticksPerSecond,
    threads: field(20),
  }
}

/** `VmRSS` and `VmHWM` of /proc/PID/status, in bytes. */
export function parseStatus(text: string): { rssBytes: number; peakRssBytes: number } {
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
  return { rssBytes: kilobytes('VmRSS') * 1024, peakRssBytes: kilobytes('VmHWM') * 1024 }
}

/**
 * Sums the given processes and all their descendants. Undefined where there is no /proc (other systems than Linux) or none
 * of the processes lives.
 */
export function sampleProcesses(roots: readonly number[]): ProcessSample | undefined {
  if (roots.length === 0) return undefined
  const stats = readAllStats()
  const wanted = new Set(roots)
  // Children have not always larger ids than their parents (ids wrap), so repeat until nothing is added.
  for (let before = -1; before !== wanted.size; ) {
    before = wanted.size
    for (const stat of stats) if (wanted.has(stat.parent)) wanted.add(stat.pid)
  }
  const sum: ProcessSample = { cpuMs: 0, rssBytes: 0, peakRssBytes: 0, threads: 0, processes: 0 }
  for (const stat of stats) {
    if (!wanted.has(stat.pid)) continue
    const memory = readMemory(stat.pid)
    sum.cpuMs += stat.cpuMs
    sum.threads += stat.threads
    sum.processes += 1
    sum.rssBytes += memory.rssBytes
    sum.peakRssBytes += memory.peakRssBytes
  }
  return sum.processes === 0 ? undefined : sum
}

function readAllStats(): Stat[] {
  const stats: Stat[] = []
  for (const name of listProc()) {
    try {
      stats.push(parseStat(readFileSync(`/proc/${name}/stat`, 'utf8')))
    } catch {
      // The process ended between listing and reading.
    }
  }
  return stats
}

function listProc(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

function readMemory(pid: number): { rssBytes: number; peakRssBytes: number } {
  try {
    return parseStatus(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return { rssBytes: 0, peakRssBytes: 0 }
  }
}
