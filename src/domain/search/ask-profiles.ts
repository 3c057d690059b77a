import { type Clock, growingPause, KeyedChore, type Logger, pause } from '#base'
import { FederationFailure } from '#net'
import { type JsonObject, type ServerName, stringAt, type UserId } from '#spec'
import type {
  Commit,
  PeopleElsewhereReader,
  PeopleElsewhereWriter,
  PersonToAsk,
  ProfileElsewhere,
  ServerToAsk,
} from '#store'

/** Profiles of users of other servers, as these tell them now. Throws `FederationFailure`. */
export interface ProfilesNow {
  profileNow(userId: UserId, signal: AbortSignal): Promise<JsonObject>
}

export interface AskProfilesParts {
  readonly reader: PeopleElsewhereReader
  readonly writer: PeopleElsewhereWriter
  readonly commit: Commit
  readonly profiles: ProfilesNow
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 30_000
const SERVERS_AT_ONCE = 10
/** A server's turn ends after so many users, or so long; then others have theirs. */
const USERS_A_TURN = 20
const TURN_MS = 10_000
/** From one question to a server to the next one. Synapse slows down whoever sends it more than ten requests a second. */
const BETWEEN_MS = 100
const PAUSES = { firstMs: 60_000, longestMs: 24 * 3_600_000 }
/** Then nothing is asked before the user's next membership. */
const MOST_FAILURES = 10

/**
 * Asks other servers for the profiles of their users who can be found here (server-server API, "Querying for information"): those of one server one after the other, and of several servers at once.
 * The list of these users is in the database, so it goes on after a restart.
 */
export class AskProfiles {
  readonly #parts: AskProfilesParts
  readonly #chore: KeyedChore<ServerName>

  constructor(parts: AskProfilesParts) {
    this.#parts = parts
    const { reader, clock, logger } = parts
    this.#chore = new KeyedChore({
      ...{ clock, logger, everyMs: EVERY_MS, atOnce: SERVERS_AT_ONCE },
      failure: 'profiles of users of other servers could not be asked for; tried again in half a minute',
      due: async (limit) => {
        const servers = await reader.serversToAsk(clock.nowMs(), limit)
        return servers.map((server) => ({ key: server.server, run: (signal) => this.#askServer(server, signal) }))
      },
      failed: (err, server) => logger.error({ err, server }, 'profiles could not be asked for at a server'),
    })
  }

  start(): void {
    this.#chore.start()
  }

  stop(): Promise<void> {
    return this.#chore.stop()
  }

  /** Looks at once for users to ask for. */
  hurry(): void {
    this.#chore.hurry()
  }

  async #askServer({ server, failures }: ServerToAsk, ending: AbortSignal): Promise<void> {
    const { reader, writer, commit, clock } = this.#parts
    const startMs = clock.monotonicMs()
    for (let asked = 0; asked < USERS_A_TURN && clock.monotonicMs() - startMs < TURN_MS; asked++) {
      if (asked > 0) await pause(clock, BETWEEN_MS, ending)
      if (ending.aborted) return
      const person = await reader.nextToAsk(server, clock.nowMs())
      if (person === undefined) break
      const pauseMs = await this.#ask(person, ending)
      if (ending.aborted) return
      if (pauseMs === undefined) continue
      const atMs = clock.nowMs() + Math.max(pauseMs, growingPause(failures + 1, PAUSES))
      await commit([writer.askServerLater(server, failures + 1, atMs)])
      return
    }
    await commit([writer.askedServer(server, clock.nowMs())])
    this.#chore.hurry()
  }

  /** Returns how long the server is to be left in peace, where it is. */
  async #ask(person: PersonToAsk, signal: AbortSignal): Promise<number | undefined> {
    const { writer, commit, clock, logger, profiles } = this.#parts
    const { userId } = person
    try {
      const profile = told(await profiles.profileNow(userId, signal))
      await commit([writer.answered({ person, profile, nowMs: clock.nowMs() })])
      return undefined
    } catch (error) {
      if (signal.aborted) return undefined
      if (!(error instanceof FederationFailure)) throw error
      logger.debug({ err: error, userId }, 'the profile of a user was not told')
      return this.#failed(person, error)
    }
  }

  async #failed(person: PersonToAsk, { isOfServer, parts }: FederationFailure): Promise<number | undefined> {
    const { writer, commit, clock } = this.#parts
    const { status, retryAfterMs } = parts
    const nowMs = clock.nowMs()
    if (isOfServer || status === 429) return retryAfterMs ?? 0
    const failures = person.failures + 1
    // Whoever is not there, or not to be told of, has no name.
    if (status === 404 || status === 403) await commit([writer.answered({ person, profile: NOTHING, nowMs })])
    else if (failures >= MOST_FAILURES) await commit([writer.answered({ person, profile: undefined, nowMs })])
    else await commit([writer.askLater(person.userId, failures, nowMs + growingPause(failures, PAUSES))])
    return undefined
  }
}

const NOTHING: ProfileElsewhere = { displayName: undefined, avatarUrl: undefined }

/** U+0000, which no column of text takes, makes a text none. */
const told = (profile: JsonObject): ProfileElsewhere => {
  const textIn = (key: string): string | undefined => {
    const text = stringAt(profile, key)
    return text?.includes('\0') === true ? undefined : text
  }
  return { displayName: textIn('displayname'), avatarUrl: textIn('avatar_url') }
}
