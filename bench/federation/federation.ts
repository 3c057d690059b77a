import { writeTlsFiles } from '../../test/support/federation-servers.ts'
import { renderTable } from '../report/table.ts'
import type { Figure } from '../sliding/sliding.ts'
import { fanOut } from './fan-out.ts'
import { incoming } from './incoming.ts'
import { joins } from './join.ts'

export interface FederationOptions {
  readonly scale: 'small' | 'full'
  /** Only sections whose name holds this text: `join`, `incoming`, `fan-out`. */
  readonly cases: string
}

/** Measures what other homeservers cost, on servers of its own. */
export const measureFederation = async (
  { scale, cases }: FederationOptions,
  progress: (line: string) => void,
): Promise<{ readonly text: string; readonly failed: boolean }> => {
  const small = scale === 'small'
  const figures: Figure[] = []
  const note = (found: readonly Figure[]): void => {
    for (const { name, value } of found) progress(`  ${name}: ${value}`)
    figures.push(...found)
  }
  const tls = writeTlsFiles()
  try {
    if ('join'.includes(cases)) {
      progress('join')
      note(
        await joins(small ? { members: 1_000, entries: 1_500 } : { members: 20_000, entries: 30_000 }, tls, progress),
      )
    }
    if ('fan-out'.includes(cases)) {
      progress('fan-out')
      note(await fanOut(small ? { servers: 100, behind: 1_000 } : { servers: 1_000, behind: 10_000 }, progress))
    }
    if ('incoming'.includes(cases)) {
      progress('incoming')
      note(await incoming(small ? 1_000 : 10_000, tls))
    }
  } finally {
    tls.discard()
  }
  const columns = ['federation', 'figure', 'asked', ''].map((title) => ({ title, align: 'left' as const }))
  const rows = figures.map(({ name, value, bound = '', failed }) => [name, value, bound, failed ? 'TOO MUCH' : ''])
  return { text: `${renderTable(columns, rows)}\n`, failed: figures.some(({ failed }) => failed === true) }
}
