import type { Chore, Clock } from '#base'
import { Redacting, relationFill, type Sending } from '#domain'
import { type Store, writers } from '#store'
import type { Streams } from '#streams'
import {
  Bundled,
  type EventTexts,
  type IgnoredUsers,
  Relations,
  Threads,
  type Visibility,
  VisibleStretches,
} from '#views'
import type { Ground } from '../ground/ground.ts'

/** Builds the work that finds the relations of events from before there was an index of them. Does not start it. */
export const buildRelationFill = ({ store, clock, logger }: Ground): Chore =>
  relationFill({ clock, logger, writer: writers.relations, commit: store.commit })

/** Builds the bundles of what relates to events. */
export const buildBundled = ({ relations, rooms }: Store, ignored: IgnoredUsers): Bundled =>
  new Bundled({ relations, events: rooms, stretches: new VisibleStretches({ reader: rooms }), ignored })

interface RelationsGround {
  readonly reader: Store['rooms']
  readonly visibility: Visibility
  readonly texts: EventTexts
  readonly clock: Clock
  readonly streams: Streams
}

/** Builds the lists of what relates to an event, and of threads. */
export const buildRelationViews = (
  { relations }: Store,
  ground: RelationsGround,
  { ignored, bundles }: { readonly ignored: IgnoredUsers; readonly bundles: Bundled },
): { readonly relations: Relations; readonly threads: Threads } => ({
  relations: new Relations({ ...ground, relations }),
  threads: new Threads({ ...ground, relations, ignored, bundles }),
})

/** The parts that the endpoints of relations and of redactions need. */
export const relationsApi = (
  { store }: Pick<Ground, 'store'>,
  sending: Sending,
  { relations, threads }: { readonly relations: Relations; readonly threads: Threads },
): { readonly relations: Relations; readonly threads: Threads; readonly redacting: Redacting } => ({
  relations,
  threads,
  redacting: new Redacting({ sending, relations: store.relations, rooms: store.rooms }),
})
