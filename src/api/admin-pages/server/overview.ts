import { loadAdminPages } from '#pages'
import type { PageHandler } from '../visit.ts'

type Values = readonly (number | undefined)[]

export interface OverviewDeps {
  readonly measurements: {
    readonly startedMs: number
    series(): {
      readonly everyMs: number
      readonly values: Readonly<
        Record<
          | 'requestsPerSecond'
          | 'failuresPerMinute'
          | 'sendsPerSecond'
          | 'answerMs'
          | 'waiting'
          | 'loopDelayMs'
          | 'cpuShare'
          | 'residentBytes'
          | 'databaseBytes'
          | 'commitQueue'
          | 'federationQueue',
          Values
        >
      >
    }
  }
  readonly about: { readonly version: string; readonly database: string }
}

export const overview: PageHandler<OverviewDeps> = async (visit, { measurements, about }) => {
  const { frameOf, overviewPage } = await loadAdminPages()
  const { startedMs } = measurements
  return overviewPage(frameOf(visit), { ...measurements.series(), ...about, startedMs, nowMs: visit.nowMs })
}
