import Type from 'typebox'
import type { RoomUpgrades, ShadowIds } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import type { RoomId } from '#spec'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath } from '../room-path.ts'

export interface RoomUpgradesDeps {
  readonly upgrades: Pick<RoomUpgrades, 'upgrade'>
  readonly shadowIds: ShadowIds
}

/** `room_upgrades.yaml`. */
export const roomUpgradesEndpoints = ({ upgrades, shadowIds }: RoomUpgradesDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/rooms/:roomId/upgrade'),
    auth: user({ suspended: false }),
    rateLimit: 'createRoom',
    params: RoomIdPath,
    body: Type.Object({
      new_version: Type.String(),
      additional_creators: Type.Optional(Type.Array(Type.String(), { maxItems: 100 })),
    }),
    toShadowBanned: ({ requester: { userId }, params: { roomId } }) => ({
      replacement_room: shadowIds.roomId(roomId, userId),
    }),
    handler: async ({ requester, params, body }): Promise<{ replacement_room: RoomId }> => ({
      replacement_room: await upgrades.upgrade({
        roomId: roomIdOf(params.roomId),
        userId: requester.userId,
        version: body.new_version,
        additionalCreators: body.additional_creators ?? [],
      }),
    }),
  }),
]
