import type { CaseResult } from '../run/results.ts'
import type { Scenario } from '../scenarios/scenario.ts'

/** How two calls that do the same compare, for each event that they deliver: the second's figure over the first's. */
export type TwinRatio = { name: string; target: string; time: number; cpu: number }

/** One for each pair of cases of a target that differ in nothing but the call they are named after. */
export function twinRatios(lines: readonly CaseResult[], twins: Scenario['twins']): TwinRatio[] {
  if (twins === undefined) return []
  const [first, second] = twins
  return lines.flatMap((line): TwinRatio[] => {
    if (!line.case.startsWith(`${second}, `)) return []
    const rest = line.case.slice(second.length)
    const other = lines.find(({ case: name, target }) => name === first + rest && target === line.target)
    if (other === undefined) return []
    return [
      {
        name: `${second} / ${first}${rest}`,
        target: line.target,
        time: perEvent(line, line.latencyMs?.p50) / perEvent(other, other.latencyMs?.p50),
        cpu: perEvent(line, line.server?.cpuMsPerOperation) / perEvent(other, other.server?.cpuMsPerOperation),
      },
    ]
  })
}

/** An operation that does not count its events delivers one. */
function perEvent({ items, ratePerSecond }: CaseResult, cost: number | undefined): number {
  const events = items === undefined ? 1 : items.perSecond / ratePerSecond
  return (cost ?? Number.NaN) / events
}
