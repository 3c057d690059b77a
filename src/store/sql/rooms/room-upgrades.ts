import type { RoomId, UserId } from '#spec'
import type {
  RoomUpgrade,
  RoomUpgradesReader,
  RoomUpgradesWriter,
  UpgradeFollower,
} from '../../ports/rooms/room-upgrades.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { RoomTables } from './tables.ts'

interface UpgradeTables extends RoomTables {
  readonly room_upgrades: {
    readonly room: number
    readonly replacement: number
    readonly upgrader: number
    readonly was_published: number
    readonly is_open: number
  }
  readonly upgrade_followers: { readonly user_number: number; readonly replacement: number; readonly room: number }
}

const query = queriesOver<UpgradeTables>()

/** Upgrades of the rooms from `first` to `last`. */
const upgrades = query((db, param: { first: number; last: number }) =>
  db
    .selectFrom('room_upgrades as x')
    .innerJoin('rooms as r', 'r.room', 'x.room')
    .innerJoin('rooms as n', 'n.room', 'x.replacement')
    .innerJoin('users as u', 'u.user_number', 'x.upgrader')
    .select(['x.room', 'r.room_id as roomId', 'x.replacement', 'n.room_id as replacementId'])
    .select(['u.user_id as upgrader', 'x.was_published', 'x.is_open'])
    .where('x.room', '>=', param.first)
    .where('x.room', '<=', param.last)
    .orderBy('x.room'),
)

const followers = query((db, param: { limit: number }) =>
  db
    .selectFrom('upgrade_followers as f')
    .innerJoin('users as u', 'u.user_number', 'f.user_number')
    .innerJoin('rooms as r', 'r.room', 'f.room')
    .innerJoin('rooms as n', 'n.room', 'f.replacement')
    .select(['u.user_id as userId', 'r.room_id as from', 'n.room_id as to'])
    .orderBy('f.user_number')
    .orderBy('f.replacement')
    .limit(param.limit),
)

const roomNumber = query((db, param: { roomId: RoomId }) =>
  db.selectFrom('rooms').select('room').where('room_id', '=', param.roomId),
)

const insertUpgrade = insertInto(
  'room_upgrades',
  { room: 'integer', replacement: 'integer', upgrader: 'integer', was_published: 'integer', is_open: 'integer' },
  { ifExists: 'upgrade-exists' },
)

const insertFollower = insertInto(
  'upgrade_followers',
  { user_number: 'integer', replacement: 'integer', room: 'integer' },
  { ifExists: 'ignore' },
)

const moveAliases = query((db, param: { room: number; replacement: number }) =>
  db.updateTable('aliases').set({ room: param.replacement }).where('room', '=', param.room),
)

const markOpen = query((db, param: { room: number }) =>
  db.updateTable('room_upgrades').set({ is_open: 1 }).where('room', '=', param.room),
)

const deleteUpgrade = query((db, param: { room: number }) =>
  db.deleteFrom('room_upgrades').where('room', '=', param.room),
)

const deleteFollower = query((db, param: { user: number; to: RoomId }) =>
  db
    .deleteFrom('upgrade_followers')
    .where('user_number', '=', param.user)
    .where('replacement', 'in', (of) => of.selectFrom('rooms').select('room').where('room_id', '=', param.to)),
)

const deleteUpgradesOf = query((db, param: { room: number }) =>
  db
    .deleteFrom('room_upgrades')
    .where((of) => of.or([of('room', '=', param.room), of('replacement', '=', param.room)])),
)

const deleteFollowersOf = query((db, param: { room: number }) =>
  db
    .deleteFrom('upgrade_followers')
    .where((of) => of.or([of('room', '=', param.room), of('replacement', '=', param.room)])),
)

type NewUpgrade = Pick<RoomUpgrade, 'room' | 'replacementId' | 'upgrader' | 'wasPublished'>

const begin = defineWrite('roomUpgrades.begin', async (tx, upgrade: NewUpgrade): Promise<void> => {
  const made = await tx.first(roomNumber, { roomId: upgrade.replacementId })
  if (made === undefined) throw new Error('the room that replaces another is not stored')
  const upgrader = await tx.userNumber(upgrade.upgrader)
  const row = { room: upgrade.room, replacement: made.room, upgrader }
  await tx.insertMany(insertUpgrade, [{ ...row, was_published: Number(upgrade.wasPublished), is_open: 0 }])
})

const open = defineWrite(
  'roomUpgrades.open',
  async (tx, input: { room: number; replacement: number }): Promise<void> => {
    await tx.run(moveAliases, input)
    await tx.run(markOpen, { room: input.room })
  },
)

const finish = defineWrite('roomUpgrades.finish', async (tx, input: { room: number }): Promise<void> => {
  await tx.run(deleteUpgrade, input)
})

const follow = defineWrite('roomUpgrades.follow', async (tx, { userId, from, to }: UpgradeFollower): Promise<void> => {
  const room = await tx.first(roomNumber, { roomId: from })
  const replacement = await tx.first(roomNumber, { roomId: to })
  if (room === undefined || replacement === undefined) return
  const row = { user_number: await tx.userNumber(userId), room: room.room, replacement: replacement.room }
  await tx.insertMany(insertFollower, [row])
})

const followed = defineWrite(
  'roomUpgrades.followed',
  async (tx, { userId, to }: { userId: UserId; to: RoomId }): Promise<void> => {
    await tx.run(deleteFollower, { user: await tx.userNumber(userId), to })
  },
)

const removeRoom = defineWrite('roomUpgrades.removeRoom', async (tx, input: { room: number }): Promise<void> => {
  await tx.run(deleteUpgradesOf, input)
  await tx.run(deleteFollowersOf, input)
})

export const roomUpgradeWrites = [begin, open, finish, follow, followed, removeRoom]

export const roomUpgradesWriter: RoomUpgradesWriter = {
  begin,
  open: ({ room, replacement }) => open({ room, replacement }),
  finish: (room) => finish({ room }),
  follow,
  removeRoom: (room) => removeRoom({ room }),
  followed: ({ userId, to }) => followed({ userId, to }),
}

export const roomUpgradesReader = (db: Db): RoomUpgradesReader => {
  const between = async (first: number, last: number): Promise<readonly RoomUpgrade[]> => {
    const rows = await db.all(upgrades, { first, last })
    return rows.map(({ was_published, is_open, ...row }) => ({
      ...row,
      wasPublished: was_published === 1,
      isOpen: is_open === 1,
    }))
  }
  return {
    upgradeOf: async (room) => (await between(room, room))[0],
    upgrades: () => between(1, Number.MAX_SAFE_INTEGER),
    followers: (limit) => db.all(followers, { limit }),
  }
}
