import { type ServerName, serverOf, type UserId } from '#spec'
import type { CrossSigningKeyRecord } from '../../ports/encryption/cross-signing.ts'
import type { DeviceKeysRecord } from '../../ports/encryption/device-keys.ts'
import type { ChangedDevice, RemoteDeviceListsWriter } from '../../ports/encryption/remote-device-lists.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { defineWrite, insertInto, type Tx } from '../engine/index.ts'
import { CROSS_SIGNING, DEVICE_LISTS, recordChange } from './device-list-rows.ts'
import { query } from './remote-lists-tables.ts'
import { removeSignatures } from './signature-removal.ts'

/** Ids of changes that a list remembers. */
const IDS_KEPT = 20

const listOf = query((db, param: { user: number }) =>
  db
    .selectFrom('remote_device_lists')
    .select(['known_ids', 'ask_at_ms', 'asked_position'])
    .where('user_number', '=', param.user),
)
const setIds = query((db, param: { user: number; ids: string }) =>
  db.updateTable('remote_device_lists').set({ known_ids: param.ids }).where('user_number', '=', param.user),
)
const askAt = query((db, param: { user: number; atMs: number; failures: number }) =>
  db
    .updateTable('remote_device_lists')
    .set({ ask_at_ms: param.atMs, failures: param.failures })
    .where('user_number', '=', param.user),
)
const askServerAt = query((db, param: { server: ServerName; atMs: number }) =>
  db
    .updateTable('remote_device_lists')
    .set({ ask_at_ms: param.atMs })
    .where('server', '=', param.server)
    .where('ask_at_ms', 'is not', null)
    .where('ask_at_ms', '<', param.atMs),
)
const setRight = query((db, param: { user: number; ids: string; position: number }) =>
  db
    .updateTable('remote_device_lists')
    .set({ known_ids: param.ids, asked_position: param.position, ask_at_ms: null as unknown as number, failures: 0 })
    .where('user_number', '=', param.user),
)
const insertList = insertInto('remote_device_lists', {
  user_number: 'integer',
  server: 'text',
  known_ids: 'text',
  asked_position: 'integer',
  ask_at_ms: 'integer?',
  failures: 'integer',
})
const devicesOf = query((db, param: { user: number }) =>
  db
    .selectFrom('remote_devices')
    .select(['device_id', 'keys_json', 'display_name'])
    .where('user_number', '=', param.user),
)
const deleteDevice = query((db, param: { user: number; deviceId: string }) =>
  db.deleteFrom('remote_devices').where('user_number', '=', param.user).where('device_id', '=', param.deviceId),
)
const deleteDevices = query((db, param: { user: number }) =>
  db.deleteFrom('remote_devices').where('user_number', '=', param.user),
)
const deleteList = query((db, param: { user: number }) =>
  db.deleteFrom('remote_device_lists').where('user_number', '=', param.user),
)
const insertDevices = insertInto('remote_devices', {
  user_number: 'integer',
  device_id: 'text',
  keys_json: 'text',
  display_name: 'text?',
})
const crossSigningOf = query((db, param: { user: number }) =>
  db.selectFrom('cross_signing_keys').select(['usage', 'public_key', 'key_json']).where('user_number', '=', param.user),
)
const deleteCrossSigning = query((db, param: { user: number; usages: readonly string[] }, { texts }) =>
  db.deleteFrom('cross_signing_keys').where('user_number', '=', param.user).where('usage', 'in', texts(param.usages)),
)
const insertCrossSigning = insertInto('cross_signing_keys', {
  user_number: 'integer',
  usage: 'text',
  public_key: 'text',
  key_json: 'text',
})

const deviceRow = (user: number, { deviceId, keysJson, displayName }: DeviceKeysRecord) => ({
  user_number: user,
  device_id: deviceId,
  keys_json: keysJson,
  display_name: displayName ?? null,
})

const change = defineWrite('remoteDeviceLists.change', DEVICE_LISTS, async (tx, input: ChangedDevice) => {
  const user = await tx.userNumber(input.userId)
  const list = await tx.first(listOf, { user })
  const ids = list === undefined ? [] : (JSON.parse(list.known_ids) as number[])
  if (list?.ask_at_ms !== null || ids.at(-1) !== input.after) throw new WriteConflict('device-list-moved')
  await tx.run(setIds, { user, ids: JSON.stringify([...ids, input.id].slice(-IDS_KEPT)) })
  await tx.run(deleteDevice, { user, deviceId: input.deviceId })
  if (input.keys === undefined) await removeSignatures(tx, user, [input.deviceId])
  else await tx.insertMany(insertDevices, [deviceRow(user, input.keys)])
  await recordChange(tx, user, input.deviceId)
})

const outdate = defineWrite(
  'remoteDeviceLists.outdate',
  DEVICE_LISTS,
  async (tx, { userId, atMs }: { userId: UserId; atMs: number }) => {
    const user = await tx.userNumber(userId)
    await tx.run(askAt, { user, atMs, failures: 0 })
    await recordChange(tx, user, CROSS_SIGNING)
  },
)

const want = defineWrite(
  'remoteDeviceLists.want',
  async (tx, { userIds, atMs, seenAt }: { userIds: readonly UserId[]; atMs: number; seenAt: number }) => {
    const rows = []
    for (const userId of userIds) {
      const user = await tx.userNumber(userId)
      const list = await tx.first(listOf, { user })
      // One that is to be asked for already, or is being asked for, keeps its time.
      const isDue = list?.ask_at_ms === null ? list.asked_position < seenAt : (list?.ask_at_ms ?? 0) > atMs
      if (list !== undefined && isDue) {
        await tx.run(askAt, { user, atMs, failures: 0 })
      }
      if (list !== undefined) continue
      rows.push({
        ...{ user_number: user, server: serverOf(userId), known_ids: '[]' },
        ...{ asked_position: 0, ask_at_ms: atMs, failures: 0 },
      })
    }
    await tx.insertMany(insertList, rows)
  },
)

/** Returns whether a key is another than before. */
const storeCrossSigning = async (
  tx: Tx,
  user: number,
  keys: readonly CrossSigningKeyRecord[],
  complete: boolean,
): Promise<boolean> => {
  const stored = await tx.all(crossSigningOf, { user })
  const given = new Map(keys.map((key) => [key.usage as string, key]))
  const replaced = stored.filter(({ usage, key_json }) =>
    given.has(usage) ? given.get(usage)?.keyJson !== key_json : complete,
  )
  const added = keys.filter(
    (key) => !stored.some(({ usage, key_json }) => usage === key.usage && key_json === key.keyJson),
  )
  const gone = replaced.filter(({ usage, public_key }) => given.get(usage)?.publicKey !== public_key)
  await removeSignatures(
    tx,
    user,
    gone.map((row) => row.public_key),
  )
  if (replaced.length > 0) await tx.run(deleteCrossSigning, { user, usages: replaced.map(({ usage }) => usage) })
  await tx.insertMany(
    insertCrossSigning,
    added.map((key) => ({ user_number: user, usage: key.usage, public_key: key.publicKey, key_json: key.keyJson })),
  )
  return replaced.length > 0 || added.length > 0
}

type Replacing = Parameters<RemoteDeviceListsWriter['replace']>[0]

const replace = defineWrite('remoteDeviceLists.replace', DEVICE_LISTS, async (tx, input: Replacing) => {
  const user = await tx.userNumber(input.userId)
  const list = await tx.first(listOf, { user })
  if (list === undefined) return
  const stored = await tx.all(devicesOf, { user })
  const before = new Map(stored.map((row) => [row.device_id, row]))
  const differs = (device: DeviceKeysRecord): boolean => {
    const row = before.get(device.deviceId)
    return row?.keys_json !== device.keysJson || (row.display_name ?? undefined) !== device.displayName
  }
  const isOther = stored.length !== input.devices.length || input.devices.some(differs)
  if (isOther) {
    const listed = new Set<string>(input.devices.map(({ deviceId }) => deviceId))
    const gone = stored.map((row) => row.device_id).filter((deviceId) => !listed.has(deviceId))
    await removeSignatures(tx, user, gone)
    await tx.run(deleteDevices, { user })
    await tx.insertMany(
      insertDevices,
      input.devices.map((device) => deviceRow(user, device)),
    )
  }
  const isSigned = await storeCrossSigning(tx, user, input.crossSigning, true)
  const wasOutdated = list.ask_at_ms !== null && list.ask_at_ms > input.askedMs
  if (!wasOutdated) {
    await tx.run(setRight, { user, ids: JSON.stringify([input.id]), position: input.askedPosition })
  }
  if (isOther || isSigned) await recordChange(tx, user, CROSS_SIGNING)
})

const setCrossSigning = defineWrite(
  'remoteDeviceLists.setCrossSigning',
  DEVICE_LISTS,
  async (tx, { userId, keys }: { userId: UserId; keys: readonly CrossSigningKeyRecord[] }) => {
    const user = await tx.userNumber(userId)
    const list = await tx.first(listOf, { user })
    const isOther = list === undefined || (await storeCrossSigning(tx, user, keys, false))
    if (isOther) await recordChange(tx, user, CROSS_SIGNING)
  },
)

const askLater = defineWrite(
  'remoteDeviceLists.askLater',
  async (tx, { userId, failures, atMs }: { userId: UserId; failures: number; atMs: number }) => {
    await tx.run(askAt, { user: await tx.userNumber(userId), failures, atMs })
  },
)

const askServerLater = defineWrite(
  'remoteDeviceLists.askServerLater',
  async (tx, input: { server: ServerName; atMs: number }) => {
    await tx.run(askServerAt, input)
  },
)

const drop = defineWrite('remoteDeviceLists.drop', async (tx, { userIds }: { userIds: readonly UserId[] }) => {
  for (const userId of userIds) {
    const user = await tx.userNumber(userId)
    const usages = (await tx.all(crossSigningOf, { user })).map(({ usage }) => usage)
    await tx.run(deleteDevices, { user })
    if (usages.length > 0) await tx.run(deleteCrossSigning, { user, usages })
    await tx.run(deleteList, { user })
  }
})

export const remoteDeviceListWrites = [change, outdate, want, replace, setCrossSigning, askLater, askServerLater, drop]

export const remoteDeviceListsWriter: RemoteDeviceListsWriter = {
  change,
  outdate: (userId, atMs) => outdate({ userId, atMs }),
  want: (wanted) => want(wanted),
  replace,
  setCrossSigning: (userId, keys) => setCrossSigning({ userId, keys }),
  askLater: (userId, failures, atMs) => askLater({ userId, failures, atMs }),
  askServerLater: (server, atMs) => askServerLater({ server, atMs }),
  drop: (userIds) => drop({ userIds }),
}
