import { CALLBACK_PATH, SAML_ANSWER_PATH, SAML_METADATA_PATH, SamlClient } from '#domain'
import { type AnyEndpoint, CustomReply, endpoint, none } from '#http'
import { goOnByItself, noticePage, SIGN_IN_ENDED } from '#pages'
import { refusedByEdge, type SignInDeps } from './sign-in.ts'

const ANSWER_LIMIT_BYTES = 128 * 1024

/** Endpoints that a SAML provider needs of this server. No file of the official data has it. */
export const samlEndpoints = ({ signIn, baseUrl }: SignInDeps): readonly AnyEndpoint[] => {
  const saml = signIn.providers.map(({ client }) => client).find((client) => client instanceof SamlClient)
  if (saml === undefined) return []
  return [
    endpoint({
      method: 'GET',
      paths: [SAML_METADATA_PATH],
      auth: none(),
      rateLimit: 'other',
      handler: async () =>
        new CustomReply({
          status: 200,
          headers: { 'Content-Type': 'application/samlmetadata+xml' },
          body: await saml.metadata(),
        }),
    }),
    endpoint({
      method: 'POST',
      paths: [SAML_ANSWER_PATH],
      auth: none(),
      rateLimit: 'login',
      body: 'form',
      bodyLimitBytes: ANSWER_LIMIT_BYTES,
      errorPage: refusedByEdge,
      handler: async ({ body }) => {
        const state = body.get('RelayState') ?? ''
        if (!(await saml.receive(state, body.get('SAMLResponse') ?? ''))) return noticePage(SIGN_IN_ENDED)
        return goOnByItself('One moment', `${baseUrl}${CALLBACK_PATH}?${new URLSearchParams({ state }).toString()}`, {})
      },
    }),
  ]
}
