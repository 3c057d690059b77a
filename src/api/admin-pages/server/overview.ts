import { loadAdminPages, type OverviewView } from '#pages'
import type { PageHandler } from '../visit.ts'

export interface OverviewDeps {
  readonly measurements: {
    readonly startedMs: number
    series(): Pick<OverviewView, 'everyMs' | 'values'>
  }
  readonly about: { readonly version: string; readonly database: string }
}

export const overview: PageHandler<OverviewDeps> = async (visit, { measurements, about }) => {
  const { frameOf, overviewPage } = await loadAdminPages()
  const { startedMs } = measurements
  return overviewPage(frameOf(visit), { ...measurements.series(), ...about, startedMs, nowMs: visit.nowMs })
}
