import { cpus, platform, release, totalmem } from 'node:os'
import { defaultLimitsDir, measureLimits } from '../limits/machine.ts'
import { type Case, type Scenario, scales } from '../scenarios/scenario.ts'
import { compare, nearness } from './compare.ts'
import { measureCase } from './measure-case.ts'
import type { Options, TargetChoice } from './options.ts'
import type { CaseResult, Comparison, Limit, Report } from './results.ts'
import { answersVersions, pinSelf, type RunningServer, startServer } from './server-process.ts'
import { Target } from './target.ts'

/** Each limit is one number and settles quickly. */
const longestLimitSeconds = 3

/** Where progress goes, a line at a time. */
export type Say = (line: string) => void

export async function runBench(options: Options, wanted: readonly Scenario[], say: Say): Promise<Report> {
  if (options.loadCpu !== undefined && !pinSelf(options.loadCpu))
    say('taskset is not available: the bench is not pinned')
  const startedAt = new Date().toISOString()
  const limits = options.limits ? await limitsOf(options, say) : []
  const servers: RunningServer[] = []
  const targets: Target[] = []
  try {
    for (const choice of options.targets) targets.push(await openTarget(choice, options, servers, say))
    const results = await measureAll(options, wanted, targets, say)
    return report(options, wanted, startedAt, limits, results)
  } finally {
    await Promise.all(targets.map((target) => target.close()))
    await Promise.all(servers.map((server) => server.stop()))
  }
}

async function limitsOf(options: Options, say: Say): Promise<Limit[]> {
  say("measuring the machine's own limits")
  return measureLimits({
    seconds: Math.min(longestLimitSeconds, options.seconds),
    folder: options.limitsDir ?? defaultLimitsDir(),
    serverCpu: options.serverCpu,
  })
}

async function openTarget(choice: TargetChoice, options: Options, servers: RunningServer[], say: Say): Promise<Target> {
  const pids = [...choice.pids]
  if (choice.spawn !== undefined) {
    say(`starting ${choice.label}: ${choice.spawn}`)
    const server = await startServer(choice.spawn, choice.url, options.serverCpu)
    servers.push(server)
    pids.push(server.pid)
  } else if (!(await answersVersions(choice.url))) {
    throw new Error(`no homeserver answers at ${choice.url}/_matrix/client/versions`)
  }
  return new Target({ label: choice.label, url: choice.url, registration: choice.registration, pids })
}

async function measureAll(options: Options, wanted: readonly Scenario[], targets: readonly Target[], say: Say) {
  const results: CaseResult[] = []
  for (const scenario of wanted) {
    const measurable = targets.filter((target) => scenario.shows !== 'memory' || target.pids.length > 0)
    if (measurable.length === 0) say(`${scenario.name}: left out, since no process id is given`)
    const scene = { scale: scales[options.scale], seconds: options.seconds }
    const casesOf = (target: Target): Case[] =>
      scenario.cases({ ...scene, target }).filter(({ name }) => name.includes(options.cases))
    const sides = measurable.map((target) => ({ target, cases: casesOf(target) }))
    const names = sides[0]?.cases.map((subject) => subject.name) ?? []
    for (const [index, name] of names.entries()) {
      const turns = sides.flatMap(({ target, cases }) => {
        const subject = cases[index]
        return subject === undefined ? [] : [{ target, subject }]
      })
      say(`${scenario.name}: ${name}`)
      results.push(...(await measureInTurn(scenario, turns, options.rounds, say)))
    }
  }
  return results
}

/** A B A B …: both targets meet the same moods of the machine. A target whose scene fails is noted and left out of the case. */
async function measureInTurn(
  scenario: Scenario,
  turns: readonly { target: Target; subject: Case }[],
  rounds: number,
  say: Say,
): Promise<CaseResult[]> {
  const results: CaseResult[] = []
  const broken = new Set<Target>()
  const attempt = async (target: Target, step: () => Promise<unknown>): Promise<void> => {
    if (broken.has(target)) return
    try {
      await step()
    } catch (error) {
      broken.add(target)
      const text = error instanceof Error ? error.message : String(error)
      say(`${target.label}: ${scenario.name} failed: ${text}`)
      process.exitCode = 1
    }
  }
  for (const { target, subject } of turns) await attempt(target, async () => subject.prepare?.())
  for (let round = 1; round <= rounds; round += 1) {
    for (const { target, subject } of turns) {
      await attempt(target, async () => {
        await subject.warmUp?.()
        results.push(
          await measureCase(subject, { scenario: scenario.name, target: target.label, round, pids: target.pids }),
        )
      })
    }
  }
  for (const { target, subject } of turns) await attempt(target, async () => subject.close?.())
  return results
}

const comparable: Record<Scenario['shows'], readonly Comparison['measure'][]> = {
  rate: ['rate', 'p50', 'p99'],
  latency: ['p50', 'p99'],
  memory: ['memory'],
}

function measuresOf(wanted: readonly Scenario[], name: string): readonly Comparison['measure'][] {
  const scenario = wanted.find((entry) => entry.name === name)
  return scenario === undefined ? [] : comparable[scenario.shows]
}

function report(
  options: Options,
  wanted: readonly Scenario[],
  startedAt: string,
  limits: Limit[],
  results: CaseResult[],
): Report {
  const [first, second] = options.targets
  const processors = cpus()
  return {
    version: 1,
    startedAt,
    machine: {
      cpu: processors[0]?.model.trim() ?? 'unknown processor',
      cores: processors.length,
      memoryBytes: totalmem(),
      system: `${platform()} ${release()}`,
      node: process.versions.node,
    },
    settings: {
      scale: options.scale,
      seconds: options.seconds,
      rounds: options.rounds,
      ...(options.serverCpu === undefined ? {} : { serverCpu: options.serverCpu }),
      ...(options.loadCpu === undefined ? {} : { loadCpu: options.loadCpu }),
      targets: options.targets.map(({ label, url }) => ({ label, url })),
    },
    limits,
    results,
    nearness: nearness(results, limits),
    comparisons:
      first === undefined || second === undefined
        ? []
        : compare(results, first.label, second.label, (name) => measuresOf(wanted, name)),
  }
}
