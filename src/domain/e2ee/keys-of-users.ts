import { type JsonObject, type ServerName, serverOf, type UserId } from '#spec'
import type { ClaimedKeys, ClaimsWanted, DevicesWanted, KeyAnswer, KeySource, UserKeys } from './key-source.ts'

export interface KeysOfUsersParts {
  readonly serverName: ServerName
  readonly local: KeySource
  /** The users of all other servers. */
  readonly remote: KeySource
}

/** The keys of any users, each from where they are. */
export class KeysOfUsers {
  readonly #parts: KeysOfUsersParts

  constructor(parts: KeysOfUsersParts) {
    this.#parts = parts
  }

  query(wanted: DevicesWanted, asker: UserId, timeoutMs: number): Promise<KeyAnswer<ReadonlyMap<UserId, UserKeys>>> {
    return this.#ask(wanted, (source, users) => source.query(users, asker, timeoutMs))
  }

  claim(wanted: ClaimsWanted, timeoutMs: number): Promise<KeyAnswer<ClaimedKeys>> {
    return this.#ask(wanted, (source, users) => source.claim(users, timeoutMs))
  }

  async #ask<Wanted, Found>(
    wanted: ReadonlyMap<UserId, Wanted>,
    ask: (source: KeySource, users: ReadonlyMap<UserId, Wanted>) => Promise<KeyAnswer<ReadonlyMap<UserId, Found>>>,
  ): Promise<KeyAnswer<ReadonlyMap<UserId, Found>>> {
    const { serverName, local, remote } = this.#parts
    const isLocal = ([userId]: readonly [UserId, Wanted]): boolean => serverOf(userId) === serverName
    const entries = [...wanted]
    const [ours, theirs] = [entries.filter(isLocal), entries.filter((entry) => !isLocal(entry))]
    const answers = await Promise.all([
      ...(ours.length === 0 ? [] : [ask(local, new Map(ours))]),
      ...(theirs.length === 0 ? [] : [ask(remote, new Map(theirs))]),
    ])
    const failures: Record<string, JsonObject> = {}
    for (const answer of answers) Object.assign(failures, answer.failures)
    return { found: new Map(answers.flatMap(({ found }) => [...found])), failures }
  }
}
