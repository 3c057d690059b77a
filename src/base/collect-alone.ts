import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/**
 * Lets the collector of young objects work in the thread that needs it, where the process has one core: waking the threads that help it costs more than
 * their help, 6 to 10 % of a lone request's processor time. With more cores they stay.
 */
export const collectAlone = (): void => {
  if (availableParallelism() === 1) setFlagsFromString('--no-parallel-scavenge')
}
