import { CheckPdus, Edus, FetchEvents, PolicyServers, PullMemory, ServerAcls } from '#domain'
import { type LeasedWork, writers } from '#store'
import type { BuiltFederation } from './federation.ts'
import type { Ground } from './ground.ts'

/** The parts that look at what other servers send, and get more from them. */
export interface Incoming {
  readonly acls: ServerAcls
  readonly check: CheckPdus
  readonly fetch: FetchEvents
  readonly edus: Edus
  readonly pulls: PullMemory
  readonly policy: PolicyServers
  readonly work: Readonly<Record<string, LeasedWork>>
}

export const buildIncoming = (
  { store, clock, logger }: Ground,
  { requests, keyRing }: Pick<BuiltFederation, 'requests' | 'keyRing'>,
): Incoming => {
  const acls = new ServerAcls({ reader: store.rooms })
  const check = new CheckPdus({ signatures: keyRing, clock })
  const fetch = new FetchEvents({ requests, check })
  const edus = new Edus({ acls, logger })
  const pulls = new PullMemory({ reader: store.failedPulls, writer: writers.failedPulls, commit: store.commit, clock })
  const policy = new PolicyServers({ requests, reader: store.rooms, clock, logger })
  return { acls, check, fetch, edus, pulls, policy, work: { 'failed-pulls': pulls.sweep(logger) } }
}
