import type { Chore } from '#base'
import { relationFill } from '#domain'
import { writers } from '#store'
import type { Ground } from './ground.ts'

/** Builds the work that finds the relations of events from before there was an index of them. Does not start it. */
export const buildRelationFill = ({ store, clock, logger }: Ground): Chore =>
  relationFill({ clock, logger, writer: writers.relations, commit: store.commit })
