import { duration, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const oauth = {
  title: 'Sign-in by OAuth 2.0, in a browser on pages of this server',
  settings: {
    enabled: optional(yesOrNo, {
      description:
        'Whether clients may sign people in that way, beside the older logins. Needs server.publicBaseUrl. Unset: yes, where that begins with https:// or names this machine (localhost, 127.0.0.1, [::1]), as codes and cookies must not be read on the way.',
    }),
    accessTokenLifetime: setting(duration, '5m', {
      description: 'Of the access token of such a client, which refreshes it.',
    }),
    unusedClientLifetime: setting(duration, '30d', {
      description:
        'How long a client is known after the last person with it signed out; one with which nobody ever signed in, for a day at most.',
    }),
  },
} as const

/** The settings of other sections that OAuth needs. */
export const refuseOauthWithoutNeeds = (
  settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  problems: { path: string; message: string }[],
): void => {
  if (settings.oauth?.enabled === true && settings.server?.publicBaseUrl === undefined)
    problems.push({ path: 'server.publicBaseUrl', message: 'expected, since oauth.enabled sends browsers to it' })
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Whether nobody on the way can read what a browser sends there. */
const isPrivate = (baseUrl: string): boolean => {
  const url = URL.parse(baseUrl)
  return url !== null && (url.protocol === 'https:' || LOOPBACK_HOST.test(url.hostname))
}

/** The section with what its unset members stand for. */
export const oauthOf = <Given extends { readonly enabled: boolean | undefined }>(
  given: Given,
  publicBaseUrl: string | undefined,
): Omit<Given, 'enabled'> & { readonly enabled: boolean } => ({
  ...given,
  enabled: given.enabled ?? (publicBaseUrl !== undefined && isPrivate(publicBaseUrl)),
})
