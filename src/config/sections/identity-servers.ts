import { baseUrl, duration, identityServer, list } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const identityServers = {
  title: 'Identity servers: who says whose an e-mail address is',
  settings: {
    trusted: setting(list(identityServer), [], {
      description:
        'Names (vector.im, id.example.org:8090) or URLs of those whose word is taken: by it people register and set forgotten passwords anew, so such a server can enter accounts that have an address. With these users may publish their addresses. A URL may begin with http:// where all between here and there can be trusted. Others are never contacted.',
    }),
    announced: optional(baseUrl, {
      description:
        'The one that clients are told of in /.well-known/matrix/client, beside server.publicBaseUrl. Unset: they use their own choice.',
    }),
    requestTimeout: setting(duration, '10s', { description: 'How long one request to an identity server may take.' }),
  },
} as const
