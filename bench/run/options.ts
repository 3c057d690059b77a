import { Command, CommanderError, InvalidArgumentError } from 'commander'
import type { RegistrationWay } from '../client/registration.ts'
import { scenarios } from '../scenarios/index.ts'

export type TargetChoice = {
  label: string
  url: string
  registration: RegistrationWay
  pids: readonly number[]
  /** A shell command that starts the server; the bench waits for it and stops it. */
  spawn: string | undefined
}

export type Options = {
  targets: readonly TargetChoice[]
  only: readonly string[]
  /** Of these scenarios the cases whose name holds this text. */
  cases: string
  scale: 'small' | 'full'
  seconds: number
  rounds: number
  limits: boolean
  limitsDir: string | undefined
  serverCpu: number | undefined
  loadCpu: number | undefined
  json: string | undefined
  svg: string | undefined
}

/** `list` and `help` end the program without measuring. */
export type Parsed =
  | { kind: 'run'; options: Options }
  | { kind: 'growth'; scale: 'small' | 'full'; cases: string }
  | { kind: 'sliding'; scale: 'small' | 'full'; cases: string }
  | { kind: 'federation'; scale: 'small' | 'full'; cases: string }
  | { kind: 'hostile'; scale: 'small' | 'full'; seconds: number; cases: string }
  | {
      kind: 'busy'
      scale: 'small' | 'full'
      seconds: number
      cases: string
      serverCpu: number | undefined
      loadCpu: number | undefined
    }
  | { kind: 'list' }
  | { kind: 'message'; text: string; exitCode: number }

type Raw = {
  target?: string[]
  against?: string
  label?: string
  againstLabel?: string
  registrationSharedSecret?: string
  againstRegistrationSharedSecret?: string
  pid?: number[]
  againstPid?: number[]
  spawn?: string
  againstSpawn?: string
  only?: string[]
  cases?: string
  scale: string
  seconds: number
  rounds?: number
  limits: boolean
  limitsDir?: string
  serverCpu?: number
  loadCpu?: number
  json?: string
  svg?: string
  list?: boolean
}

/** `argv` without the program's own two words. */
export function parseOptions(argv: readonly string[]): Parsed {
  const output: string[] = []
  const command = describe(output)
  try {
    command.parse([...argv], { from: 'user' })
    const raw = command.opts<Raw>()
    if (raw.list) return { kind: 'list' }
    if (raw.only?.includes(growth)) return ownServersAlone(raw, growth)
    if (raw.only?.includes(sliding)) return ownServersAlone(raw, sliding)
    if (raw.only?.includes(federation)) return ownServersAlone(raw, federation)
    if (raw.only?.includes(hostile)) return hostileAlone(raw)
    if (raw.only?.includes(busy)) return busyAlone(raw)
    return { kind: 'run', options: build(raw) }
  } catch (error) {
    if (error instanceof CommanderError) return { kind: 'message', text: output.join(''), exitCode: error.exitCode }
    if (error instanceof UsageError) return { kind: 'message', text: `error: ${error.message}\n`, exitCode: 1 }
    throw error
  }
}

class UsageError extends Error {}

/** Not one of the scenarios: it starts its own servers and makes their rows itself. */
export const growth = 'growth'

/** The same: rooms by the thousand, and a connection that is old. */
export const sliding = 'sliding'

/** The same: homeservers that talk with each other. */
export const federation = 'federation'

/** Not one of the scenarios either: it looks into the process that it attacks. */
export const hostile = 'hostile'

/** The same: what sends notice while others upload, sync for the first time and register. */
export const busy = 'busy'

function mindAlone(raw: Raw, name: string): void {
  if (raw.only?.length !== 1 || raw.target !== undefined || raw.against !== undefined)
    throw new UsageError(`${name} is measured alone, on servers that the bench starts itself: --only ${name}`)
}

function hostileAlone(raw: Raw): Parsed {
  mindAlone(raw, hostile)
  return {
    kind: 'hostile',
    scale: raw.scale === 'small' ? 'small' : 'full',
    seconds: raw.seconds,
    cases: raw.cases ?? '',
  }
}

function busyAlone(raw: Raw): Parsed {
  mindAlone(raw, busy)
  const { seconds, serverCpu, loadCpu, cases = '' } = raw
  return { kind: 'busy', scale: raw.scale === 'small' ? 'small' : 'full', seconds, cases, serverCpu, loadCpu }
}

function ownServersAlone(raw: Raw, kind: 'growth' | 'sliding' | 'federation'): Parsed {
  mindAlone(raw, kind)
  return { kind, scale: raw.scale === 'small' ? 'small' : 'full', cases: raw.cases ?? '' }
}

function describe(output: string[]): Command {
  const write = (text: string): void => void output.push(text)
  return new Command('bench')
    .description('Measures any Matrix homeserver through its public client-server API.')
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: write })
    .option('--target <url>', 'base URL of the homeserver; a second one is measured in turn with the first', urls)
    .option('--against <url>', 'the same as a second --target', (text) => url(text))
    .option('--label <name>', 'what tables call the first target')
    .option('--against-label <name>', 'what tables call the second target')
    .option(
      '--registration-shared-secret <secret>',
      'register over /_synapse/admin/v1/register (default: open registration)',
    )
    .option('--against-registration-shared-secret <secret>', 'the same for the second target')
    .option('--pid <pid,...>', 'processes of the server, children included, whose memory and CPU to read (Linux)', pids)
    .option('--against-pid <pid,...>', 'the same for the second target', pids)
    .option('--spawn <command>', 'start the server with this shell command, wait for it, stop it at the end')
    .option('--against-spawn <command>', 'the same for the second target')
    .option('--server-cpu <n>', 'pin started servers and the measuring of limits to this core', wholeFrom(0))
    .option('--load-cpu <n>', 'pin the bench itself to this core', wholeFrom(0))
    .option('--only <scenario,...>', 'measure these scenarios (see --list)', scenarioNames)
    .option('--cases <text>', 'of these scenarios, only the cases whose name holds this text')
    .option('--scale <small|full>', 'sizes of rooms, crowds and histories', scaleName, 'full')
    .option('--seconds <n>', 'length of each measured stretch', positive, 10)
    .option(
      '--rounds <n>',
      'measure each case so often, the targets in turn (default: 1, with two targets 3)',
      wholeFrom(1),
    )
    .option('--limits-dir <folder>', "where SQLite's limit is measured; best the disk of the server's data")
    .option('--no-limits', "leave out the machine's own limits")
    .option('--json <file>', 'write every figure to this file')
    .option('--svg <file>', 'draw the figures to this file')
    .option('--list', 'print the scenarios and end')
}

function build(raw: Raw): Options {
  const urlsGiven = [...(raw.target ?? []), ...(raw.against === undefined ? [] : [raw.against])]
  const [first, second, ...more] = urlsGiven
  if (first === undefined) throw new UsageError('give the homeserver to measure: --target http://127.0.0.1:8008')
  if (more.length > 0) throw new UsageError('at most two targets can be measured in turn')
  const targets = [choice(first, raw.label ?? 'A', raw.registrationSharedSecret, raw.pid, raw.spawn)]
  if (second !== undefined) {
    const secret = raw.againstRegistrationSharedSecret
    targets.push(choice(second, raw.againstLabel ?? 'B', secret, raw.againstPid, raw.againstSpawn))
  } else if (raw.againstPid ?? raw.againstSpawn ?? raw.againstRegistrationSharedSecret ?? raw.againstLabel) {
    throw new UsageError('an --against-… option needs a second target')
  }
  if (targets[0]?.label === targets[1]?.label) throw new UsageError('the two targets need different labels')
  return {
    targets,
    only: raw.only ?? scenarios.map((scenario) => scenario.name),
    cases: raw.cases ?? '',
    scale: raw.scale === 'small' ? 'small' : 'full',
    seconds: raw.seconds,
    rounds: raw.rounds ?? (second === undefined ? 1 : 3),
    limits: raw.limits,
    limitsDir: raw.limitsDir,
    serverCpu: raw.serverCpu,
    loadCpu: raw.loadCpu,
    json: raw.json,
    svg: raw.svg,
  }
}

function choice(
  base: string,
  label: string,
  secret: string | undefined,
  processes: readonly number[] | undefined,
  spawn: string | undefined,
): TargetChoice {
  const registration: RegistrationWay = secret === undefined ? { kind: 'open' } : { kind: 'shared-secret', secret }
  return { label, url: base, registration, pids: processes ?? [], spawn }
}

function url(text: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:8008.')
  }
  return text.replace(/\/+$/, '')
}

function urls(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), url(text)]
}

function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d{1,9}$/.test(text) || value < least)
      throw new InvalidArgumentError(`Expected a whole number from ${least}.`)
    return value
  }
}

function pids(text: string): number[] {
  return text.split(',').map(wholeFrom(1))
}

function positive(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

function scaleName(text: string): string {
  if (text !== 'small' && text !== 'full') throw new InvalidArgumentError('Expected small or full.')
  return text
}

function scenarioNames(text: string): string[] {
  const known = [...scenarios.map((scenario) => scenario.name), growth, sliding, federation, hostile, busy]
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0)
    throw new InvalidArgumentError(`Unknown: ${unknown.join(', ')}. There are ${known.join(', ')}.`)
  return names
}
