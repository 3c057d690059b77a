import { Impersonations } from '#domain'
import { writers } from '#store'
import type { Ground } from '../ground/ground.ts'

/** Builds the tokens by which administrators act as others; they are in the database alone, so there may be several of these. */
export const buildImpersonations = ({ store, random, clock }: Ground): Impersonations =>
  new Impersonations({
    reader: store.impersonations,
    writer: writers.impersonations,
    commit: store.commit,
    random,
    clock,
  })
