import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { Config } from '#config'
import { reasonOf } from '../../host/start-error.ts'
import { type DoctorFinding, Findings } from './finding.ts'

const GIB = 1024 ** 3
const MANY_FILES = 4_096

/** Disk, clock and limits of the machine. */
export const examineMachine = async (config: Config): Promise<readonly DoctorFinding[]> => [
  ...(await examineDisk(config.storage.dataFolder)),
  ...(await examineClock()),
  ...examineLimits(),
]

/** The folder, or the first one above it that is there. */
const firstThere = (folder: string): string =>
  existsSync(folder) || folder === dirname(folder) ? folder : firstThere(dirname(folder))

const examineDisk = async (folder: string): Promise<readonly DoctorFinding[]> => {
  const disk = new Findings('disk')
  try {
    const { bavail, blocks, bsize, ffree, files } = await statfs(firstThere(folder))
    const [free, all] = [bavail * bsize, blocks * bsize]
    const share = `${(free / GIB).toFixed(1)} of ${(all / GIB).toFixed(1)} GiB are free where ${folder} is`
    if (free < GIB / 2) disk.bad(share, 'Make room now: a full disk stops all writing.')
    else if (free < 5 * GIB && free / all < 0.1) disk.note(share, 'Make room soon: a full disk stops all writing.')
    else disk.good(share)
    if (files > 0 && ffree / files < 0.02)
      disk.bad(
        `only ${ffree} more files fit on the disk of ${folder}`,
        'Remove files, or make the file system anew with more inodes.',
      )
  } catch (error) {
    disk.note(
      `the disk of ${folder} cannot be looked at: ${reasonOf(error)}`,
      'Look at it yourself: a full disk stops all writing.',
    )
  }
  return disk.all
}

/** Signatures and tokens go by the clock; whether it is kept right is known to systemd, where that runs. */
const examineClock = async (): Promise<readonly DoctorFinding[]> => {
  const clock = new Findings('clock')
  try {
    const asked = promisify(execFile)('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      timeout: 2_000,
    })
    const { stdout } = await asked
    if (stdout.trim() === 'yes') clock.good('the clock of this machine is kept right by a time server')
    else
      clock.note(
        'the clock of this machine is not kept right by a time server',
        'Run "timedatectl set-ntp true", or install chrony: other servers refuse signatures from a wrong time.',
      )
  } catch {
    clock.note(
      'whether the clock of this machine is kept right cannot be told here',
      'See that a time server keeps it: other servers refuse signatures from a wrong time.',
    )
  }
  return clock.all
}

interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft?: number | string } }
}

const examineLimits = (): readonly DoctorFinding[] => {
  const limits = new Findings('limits')
  if (process.platform === 'win32') return []
  // The types call it an object and no more.
  const { userLimits } = process.report.getReport() as Report
  const soft = userLimits?.open_files?.soft
  if (typeof soft === 'number' && soft < MANY_FILES)
    limits.note(
      `a process may have ${soft} open files, and each client takes one`,
      'Raise it: LimitNOFILE=65536 in the systemd unit, or "ulimit -n 65536" before the start.',
    )
  else limits.good(`a process may have ${String(soft ?? 'any number of')} open files`)
  return limits.all
}
