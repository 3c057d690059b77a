import { overviewFill } from '#domain'
import { writers } from '#store'
import type { Ground } from './ground.ts'

/** Builds the work that makes overviews of rooms from before there were any. Does not start it. */
export const buildOverviewFill = ({ store, clock, logger }: Ground) =>
  overviewFill({ clock, logger, reader: store.roomOverviews, writer: writers.rooms, commit: store.commit })
