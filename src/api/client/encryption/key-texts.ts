import type { ClaimedKeys, UserKeys } from '#domain'
import type { UserId } from '#spec'

/** JSON texts of answers about keys; the keys are texts already. */

export const objectText = (members: readonly (readonly string[])[]): string =>
  `{${members.map(([name = '', json = '']) => `${JSON.stringify(name)}:${json}`).join()}}`

/** `device_keys`, `master_keys`, `self_signing_keys`, as members of an object. */
export const keysText = (found: ReadonlyMap<UserId, UserKeys>): string => {
  const devices = [...found].map(([userId, keys]) => [userId, objectText([...keys.devices])])
  const members = [
    `"device_keys":${objectText(devices)}`,
    `"master_keys":${crossSigningText(found, ({ master }) => master)}`,
    `"self_signing_keys":${crossSigningText(found, ({ selfSigning }) => selfSigning)}`,
  ]
  return members.join()
}

export const crossSigningText = (
  found: ReadonlyMap<UserId, UserKeys>,
  of: (keys: UserKeys) => string | undefined,
): string =>
  objectText(
    [...found].flatMap(([userId, keys]) => {
      const json = of(keys)
      return json === undefined ? [] : [[userId, json]]
    }),
  )

/** `one_time_keys`, as a member of an object. */
export const claimedText = (found: ClaimedKeys): string => {
  const users = [...found].map(([userId, devices]) => [
    userId,
    objectText([...devices].map(([id, { name, keyJson }]) => [id, objectText([[name, keyJson]])])),
  ])
  return `"one_time_keys":${objectText(users)}`
}
