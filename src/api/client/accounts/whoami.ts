import { type AnyEndpoint, endpoint, user, v3 } from '#http'

type WhoAmI = { readonly user_id: string; readonly device_id?: string; readonly is_guest: boolean }

/** `whoami.yaml`. */
export const whoamiEndpoints = (): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/account/whoami'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    handler: async ({ requester: { kind, userId, deviceId } }): Promise<WhoAmI> => ({
      user_id: userId,
      // An application service may ask for no device.
      ...(deviceId === '' ? {} : { device_id: deviceId }),
      is_guest: kind === 'guest',
    }),
  }),
]
