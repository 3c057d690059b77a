import type { Clock, Logger, Random, Sealer, Tracing } from '#base'
import type { Config } from '#config'
import type { BanLists, BlockedServers, OperatorChecks, OwnPolicyServer } from '#domain'
import type { RateLimiter, RequestCounts } from '#http'
import type { SigningKey } from '#rules'
import type { ShortLivedTables, Store } from '#store'
import type { ServerLook } from '../../host/page-look.ts'
import type { Reloads } from '../../host/reloads.ts'

/** The open resources that all layers are built on, made by `createHomeserver`. */
export interface OpenedGround {
  readonly config: Config
  readonly store: Store
  readonly shortLived: ShortLivedTables
  /** The id of the database, random. */
  readonly databaseId: string
  /** The name of this process, and of no other that runs on the same database. */
  readonly processId: string
  readonly signingKey: SigningKey
  /** The key of the server as a policy server. */
  readonly policyKey: SigningKey
  /** Seals what only this server may read or make. */
  readonly sealer: Sealer
  readonly rateLimiter: RateLimiter
  /** Counted by the edge. */
  readonly requestCounts: RequestCounts
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The looks of the pages. */
  readonly look: ServerLook
  /** Takes the parts that follow a changed configuration without a new start. */
  readonly reloads: Reloads
  /** undefined: no traces are made. */
  readonly tracing: Tracing | undefined
}

/** The same with what is asked everywhere about abuse. */
export interface Ground extends OpenedGround {
  /** The policy rooms that the server obeys. */
  readonly bans: BanLists
  /** Servers that administrators blocked. */
  readonly blockedServers: BlockedServers
  /** undefined: nothing is checked by a program of the operator. */
  readonly checks: OperatorChecks | undefined
  /** undefined: this server is no policy server. */
  readonly ownPolicyServer: OwnPolicyServer | undefined
}
