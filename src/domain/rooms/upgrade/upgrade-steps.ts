import type { Clock, Logger } from '#base'
import { creatorsOf } from '#rules'
import { type JsonObject, ROOM_VERSIONS, type RoomAlias, type RoomId, type RoomVersion, type ServerName } from '#spec'
import type {
  AliasesReader,
  MembersReader,
  RoomRecordsReader,
  RoomStateReader,
  RoomUpgrade,
  RoomUpgradesWriter,
} from '#store'
import { type Rooms, UnknownRoom } from '../turns/rooms.ts'
import { frozenPowerLevels, joinRulesAfter, powerLevelsAfter, withAliases } from './contents.ts'
import { addUnlessRefused, CopiedState, contentOf } from './copied-state.ts'
import { SpaceLinks } from './space-links.ts'

export interface UpgradeStepsParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly reader: AliasesReader & MembersReader & RoomRecordsReader & RoomStateReader
  readonly writer: RoomUpgradesWriter
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: ServerName
}

/** Limit on the aliases that are told of in `m.room.aliases`, an event of old rooms. */
const MAX_TOLD_ALIASES = 1_000
const MAX_NAMED_ALIASES = 100

/** The steps of an upgrade after its first commit. Each leaves what is done already, so that it may be done again. */
export class UpgradeSteps {
  readonly #parts: UpgradeStepsParts
  readonly #copied: CopiedState
  readonly #links: SpaceLinks

  constructor(parts: UpgradeStepsParts) {
    this.#parts = parts
    this.#copied = new CopiedState(parts)
    this.#links = new SpaceLinks(parts)
  }

  /** Copies what may be long, then opens the new room: aliases, join rules and at last the power levels, in one commit. */
  async copyAndOpen(upgrade: RoomUpgrade): Promise<void> {
    await this.#copied.copy(upgrade)
    const { rooms, writer, logger, serverName, reader } = this.#parts
    const [told, rules, levels] = [
      await this.#content(upgrade, 'm.room.aliases', serverName),
      await this.#content(upgrade, 'm.room.join_rules'),
      await this.#levels(upgrade),
    ]
    const named = await this.#content(upgrade, 'm.room.canonical_alias')
    const local = await aliasesOfRoom(reader, upgrade.roomId, named)
    await rooms.turn(upgrade.replacementId, async (turn) => {
      const set = (type: string, content: JsonObject, stateKey = ''): Promise<void> =>
        addUnlessRefused(turn, upgrade.upgrader, { type, stateKey, content }, logger)
      if (named !== undefined && local.size > 0)
        await set(
          'm.room.canonical_alias',
          withAliases(named, (alias) => local.has(alias)),
        )
      if (told !== undefined) {
        const aliases = [...(await reader.aliasesOf(upgrade.room, MAX_TOLD_ALIASES))]
        await set('m.room.aliases', { aliases }, serverName)
      }
      if (rules !== undefined) await set('m.room.join_rules', joinRulesAfter(rules, turn.version))
      const create = await turn.state('m.room.create')
      const creators = create === undefined ? [] : creatorsOf(turn.version, create)
      await set('m.room.power_levels', powerLevelsAfter(levels.content, levels.version, turn.version, creators))
      if (upgrade.wasPublished) turn.publish(true)
      turn.also(writer.open(upgrade))
    })
  }

  /** Closes the old room to messages and invites, takes the moved aliases from its events, and moves the links of spaces. */
  async tellOthers(upgrade: RoomUpgrade): Promise<void> {
    const { rooms, reader, logger, serverName } = this.#parts
    await rooms.turn(upgrade.roomId, async (turn) => {
      const set = (type: string, content: JsonObject, stateKey = ''): Promise<void> =>
        addUnlessRefused(turn, upgrade.upgrader, { type, stateKey, content }, logger)
      const named = (await turn.state('m.room.canonical_alias'))?.content
      const moved = await aliasesOfRoom(reader, upgrade.replacementId, named)
      if (named !== undefined && moved.size > 0)
        await set(
          'm.room.canonical_alias',
          withAliases(named, (alias) => !moved.has(alias)),
        )
      const told = (await turn.state('m.room.aliases', serverName))?.content.aliases
      if (Array.isArray(told) && told.length > 0) await set('m.room.aliases', { aliases: [] }, serverName)
      const levels = (await turn.state('m.room.power_levels'))?.content
      const frozen = levels === undefined ? undefined : frozenPowerLevels(levels, turn.version)
      if (frozen !== undefined) await set('m.room.power_levels', frozen)
    })
    await this.#links.move(upgrade)
  }

  async #content({ room }: RoomUpgrade, type: string, stateKey = ''): Promise<JsonObject | undefined> {
    const stored = await this.#parts.reader.stateEvent(room, 'current', type, stateKey)
    return stored === undefined ? undefined : contentOf(stored.json)
  }

  async #levels(upgrade: RoomUpgrade): Promise<{ content: JsonObject | undefined; version: RoomVersion }> {
    const record = await this.#parts.reader.room(upgrade.room)
    const version = ROOM_VERSIONS.get(record?.version ?? '')
    if (version === undefined) throw new UnknownRoom()
    return { content: await this.#content(upgrade, 'm.room.power_levels'), version }
  }
}

/** The aliases of a canonical alias event that point to the room. */
const aliasesOfRoom = async (
  reader: AliasesReader,
  roomId: RoomId,
  content: JsonObject | undefined,
): Promise<ReadonlySet<RoomAlias>> => {
  const found = new Set<RoomAlias>()
  const { alias, alt_aliases: others } = content ?? {}
  for (const named of [alias, ...(Array.isArray(others) ? others.slice(0, MAX_NAMED_ALIASES) : [])]) {
    if (typeof named !== 'string' || (await reader.roomOfAlias(named))?.roomId !== roomId) continue
    found.add(named as RoomAlias)
  }
  return found
}
