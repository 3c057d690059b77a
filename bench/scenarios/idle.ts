import { nowMs, pauseMs } from '../measure/now.ts'
import { emptyStretch } from '../measure/workers.ts'
import type { Scenario } from './scenario.ts'

/** Stands first in the list: memory and processor time of a server that nobody has talked to yet. */
export const idle: Scenario = {
  name: 'idle',
  title: 'Idle server (memory and processor time; needs --pid or --spawn)',
  unit: '',
  shows: 'memory',
  cases: ({ seconds }) => [
    {
      name: 'no requests',
      async run() {
        const startMs = nowMs()
        await pauseMs(seconds * 1000)
        return { ...emptyStretch(), elapsedMs: nowMs() - startMs }
      },
    },
  ],
}
