import {
  type BrowserSession,
  type BrowserSessions,
  type Consents,
  type Devices,
  type EndSessions,
  type OAuthClients,
  parseDeviceId,
} from '#domain'
import type { AnyEndpoint, CustomReply } from '#http'
import { ACCOUNT_DEVICES_PAGE, ACCOUNT_PAGE, devicePage, devicesPage } from '#pages'
import type { DeviceId } from '#spec'
import { seeOther } from './browser-gate.ts'
import type { OwnPages, OwnRequest } from './own-pages.ts'

export interface OwnDevicesDeps {
  readonly sessions: BrowserSessions
  readonly devices: Pick<Devices, 'list' | 'device'>
  readonly oauthClients: Pick<OAuthClients, 'namesOf'>
  readonly consents: Pick<Consents, 'forget'>
  readonly endSessions: Pick<EndSessions, 'logOut' | 'logOutAll'>
}

const RECENT = { recent: true } as const
const DONE: ReadonlyMap<string, string> = new Map([
  ['1', 'The device is signed out.'],
  ['browser', 'The browser is signed out.'],
])
const ON_ONE_PAGE = 50

const offsetIn = ({ from = '' }: OwnRequest['query']): number => (/^\d{1,6}$/.test(from) ? Number(from) : 0)

/** The devices of an account: shown, and signed out, one or all. */
export const ownDevicesEndpoints = (
  { sessions, devices, oauthClients, consents, endSessions }: OwnDevicesDeps,
  ownPages: OwnPages,
): readonly AnyEndpoint[] => {
  const one = async ({ csrf, userId }: BrowserSession, id: string | undefined, asks: boolean): Promise<CustomReply> => {
    const deviceId = id === undefined ? undefined : deviceIdOf(id)
    const device = deviceId === undefined ? undefined : await devices.device(userId, deviceId)
    const apps = await oauthClients.namesOf(device === undefined ? [] : [device])
    return devicePage({ csrf, device, asks, app: apps.get(device?.oauthClient ?? '') })
  }
  return [
    ownPages.page(ACCOUNT_DEVICES_PAGE, async ({ session, query }) => {
      const all = await devices.list(session.userId)
      const recentFirst = all.toSorted((a, b) => (b.lastSeenAtMs ?? 0) - (a.lastSeenAtMs ?? 0))
      const from = offsetIn(query)
      return devicesPage({
        csrf: session.csrf,
        devices: recentFirst.slice(from, from + ON_ONE_PAGE),
        more: from + ON_ONE_PAGE < all.length ? `${ACCOUNT_DEVICES_PAGE}?from=${from + ON_ONE_PAGE}` : undefined,
        browsers: await sessions.listOf(session),
        done: DONE.get(query.done ?? ''),
      })
    }),
    ownPages.page(`${ACCOUNT_DEVICES_PAGE}/view`, ({ session, query }) => one(session, query.device_id, false)),
    ownPages.page(
      `${ACCOUNT_DEVICES_PAGE}/delete`,
      ({ session, query }) => one(session, query.device_id, true),
      RECENT,
    ),
    ownPages.form(
      `${ACCOUNT_DEVICES_PAGE}/sign-out`,
      ACCOUNT_DEVICES_PAGE,
      async ({ session, fields }) => {
        const deviceId = deviceIdOf(fields.get('device_id') ?? '')
        const device = deviceId === undefined ? undefined : await devices.device(session.userId, deviceId)
        // Whoever throws an app out does not want it back by itself.
        if (device?.oauthClient !== undefined) await consents.forget(session.userId, device.oauthClient)
        if (deviceId !== undefined) await endSessions.logOut(session.userId, deviceId)
        return seeOther(`${ACCOUNT_DEVICES_PAGE}?done=1`)
      },
      RECENT,
    ),
    ownPages.form(
      `${ACCOUNT_DEVICES_PAGE}/end-browser`,
      ACCOUNT_DEVICES_PAGE,
      async ({ session, fields }) => {
        await sessions.endListed(session.userId, fields.get('name') ?? '')
        return seeOther(`${ACCOUNT_DEVICES_PAGE}?done=browser`)
      },
      RECENT,
    ),
    ownPages.form(
      `${ACCOUNT_DEVICES_PAGE}/sign-out-all`,
      ACCOUNT_DEVICES_PAGE,
      async ({ session }) => {
        await endSessions.logOutAll(session.userId)
        const { setCookie } = await sessions.begin(session.userId)
        return seeOther(`${ACCOUNT_PAGE}?done=everywhere`, { 'Set-Cookie': setCookie })
      },
      RECENT,
    ),
  ]
}

/** undefined for a text that no device can have as its id. */
const deviceIdOf = (text: string): DeviceId | undefined => {
  try {
    return parseDeviceId(text)
  } catch {
    return undefined
  }
}
