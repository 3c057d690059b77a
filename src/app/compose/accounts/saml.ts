import { readFileSync } from 'node:fs'
import { SAML_ID } from '#config'
import { type Authorization, SAML_ANSWER_PATH, SAML_METADATA_PATH, SamlClient, type SignInProvider } from '#domain'
import { SamlProvider } from '#net'
import { reasonOf, StartError } from '../../host/start-error.ts'
import type { Ground } from '../ground/ground.ts'

/** The SAML provider, if one is configured. Throws `StartError` if its certificate cannot be read. */
export const samlOf = ({ config, shortLived, clock }: Ground): readonly SignInProvider[] => {
  const { entryPoint, issuer = '', certificateFile = '', name, signed, clockSkew, ...settings } = config.saml
  if (entryPoint === undefined) return []
  const baseUrl = config.server.publicBaseUrl ?? ''
  const lifetimeMs = config.sessions.authenticationSessionLifetime
  const server = new SamlProvider({
    clock,
    idp: { entryPoint, issuer, signed, certificate: certificateIn(certificateFile) },
    entityId: `${baseUrl}${SAML_METADATA_PATH}`,
    callbackUrl: `${baseUrl}${SAML_ANSWER_PATH}`,
    attributes: {
      subject: settings.subjectAttribute,
      username: settings.usernameAttribute,
      displayName: settings.displayNameAttribute,
      email: settings.emailAttribute,
    },
    clockSkewMs: clockSkew,
  })
  const { allowRegistration, chooseUserName, linkExisting } = settings
  return [
    {
      ...{ id: SAML_ID, name, brand: undefined, icon: undefined, allowRegistration, chooseUserName, linkExisting },
      templates: { localpart: '{username}', displayName: '{name}', email: '{email}' },
      client: new SamlClient({
        server,
        answers: shortLived.table('sign-in-answer', { lifetimeMs: 60_000 }),
        authorizations: shortLived.table<Authorization>('sign-in-authorization', { lifetimeMs }),
      }),
    },
  ]
}

const certificateIn = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new StartError(`The certificate ${file} of the SAML provider cannot be read: ${reasonOf(cause)}`, { cause })
  }
}
