import { type AnyEndpoint, endpoint, v3 } from '#http'

/** `whoami.yaml`. */
export const whoamiEndpoints = (): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/account/whoami'),
    auth: 'guest',
    rateLimit: 'read',
    handler: async ({ requester: { userId, deviceId, guest } }) => ({
      user_id: userId,
      ...(deviceId === undefined ? {} : { device_id: deviceId }),
      is_guest: guest,
    }),
  }),
]
