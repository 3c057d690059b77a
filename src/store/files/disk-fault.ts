import { StoreUnavailable } from '../ports/engine/faults.ts'

export const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/** Turns a fault of the disk into `StoreUnavailable` (503), as the request is not at fault. */
export const diskFault = (cause: unknown): unknown => {
  const code = codeOf(cause)
  if (code === 'ENOSPC' || code === 'EDQUOT') return new StoreUnavailable('full', `media: ${code}`)
  return typeof code === 'string' && /^E[A-Z]+$/.test(code) ? new StoreUnavailable('broken', `media: ${code}`) : cause
}
