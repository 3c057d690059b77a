import type { BrowserSession, Devices, OAuthClient } from '#domain'
import type { CustomReply } from '#http'
import { type ConsentView, consentPage, type ReceiverView } from '#pages'
import type { DeviceId } from '#spec'

export interface ConsentDeps {
  readonly devices: Pick<Devices, 'device'>
}

export interface Asked {
  readonly client: OAuthClient
  readonly deviceId: DeviceId
  /** Whether it wants to administer the server. */
  readonly admin: boolean
  readonly receiver: ReceiverView
  readonly action: string
  readonly next: string
  readonly fields: ReadonlyMap<string, string>
  /** Whether the person can say that they do not want to be asked again. */
  readonly canRemember: boolean
  readonly userCode?: string
}

/** Shows what a client asks for to the person who is signed in. */
export const consentFor = async (
  { devices }: ConsentDeps,
  { client, deviceId, admin, ...asked }: Asked,
  session: BrowserSession,
): Promise<CustomReply> => {
  const { client_name: name, client_uri: site } = client.metadata
  const known = await devices.device(session.userId, deviceId)
  return consentPage({
    ...asked,
    ...{ name, deviceId, csrf: session.csrf, userId: session.userId },
    administers: admin && session.admin,
    site: new URL(site).host,
    knownDevice: known === undefined ? undefined : { name: known.displayName },
    links: linksOf(client),
  })
}

const linksOf = ({ metadata }: OAuthClient): ConsentView['links'] => [
  ...(metadata.policy_uri === undefined ? [] : [{ name: 'Its privacy policy', href: metadata.policy_uri }]),
  ...(metadata.tos_uri === undefined ? [] : [{ name: 'Its terms of use', href: metadata.tos_uri }]),
]
