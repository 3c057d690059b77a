import { nowMs } from '../measure/now.ts'
import { sampleProcesses } from '../measure/process-usage.ts'
import { summarise } from '../measure/stats.ts'
import type { Case } from '../scenarios/scenario.ts'
import type { CaseResult, ServerUse } from './results.ts'

export type CaseLabel = { scenario: string; target: string; round: number; pids: readonly number[] }

/** Runs one measured stretch and turns it into figures. */
export async function measureCase(subject: Case, label: CaseLabel): Promise<CaseResult> {
  const before = sampleProcesses(label.pids)
  const startMs = nowMs()
  const ownBefore = process.cpuUsage()
  const stretch = await subject.run()
  const own = process.cpuUsage(ownBefore)
  const wallMs = nowMs() - startMs
  const after = sampleProcesses(label.pids)
  const latencyMs = summarise(stretch.latenciesMs)
  return {
    scenario: label.scenario,
    case: subject.name,
    target: label.target,
    round: label.round,
    operations: stretch.operations,
    errors: stretch.errors,
    limited: stretch.limited,
    ...(stretch.firstError === undefined ? {} : { firstError: stretch.firstError }),
    elapsedMs: stretch.elapsedMs,
    ratePerSecond: perSecond(stretch.operations, stretch.elapsedMs),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(stretch.answerBytes === undefined || stretch.operations === 0
      ? {}
      : { answerBytesMean: stretch.answerBytes / stretch.operations }),
    ...(stretch.items === undefined
      ? {}
      : { items: { unit: stretch.items.unit, perSecond: perSecond(stretch.items.count, stretch.elapsedMs) } }),
    ...(before === undefined || after === undefined
      ? {}
      : { server: serverUse(after, after.cpuMs - before.cpuMs, wallMs, stretch.operations) }),
    loadCores: (own.user + own.system) / 1000 / wallMs,
  }
}

function serverUse(
  after: { rssBytes: number; peakRssBytes: number; threads: number; processes: number },
  cpuMs: number,
  wallMs: number,
  operations: number,
): ServerUse {
  return {
    cpuMs,
    cores: cpuMs / wallMs,
    ...(operations === 0 ? {} : { cpuMsPerOperation: cpuMs / operations }),
    rssBytes: after.rssBytes,
    peakRssBytes: after.peakRssBytes,
    threads: after.threads,
    processes: after.processes,
  }
}

function perSecond(count: number, elapsedMs: number): number {
  return elapsedMs > 0 ? (count * 1000) / elapsedMs : 0
}
