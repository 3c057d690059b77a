import { duration, identityServer, list } from '../kinds.ts'
import { setting } from '../setting.ts'

export const identityServers = {
  title: 'Identity servers: who says whose an e-mail address is',
  settings: {
    trusted: setting(list(identityServer), [], {
      description:
        'Names (vector.im, id.example.org:8090) or URLs of those whose word is taken: by it people register and set forgotten passwords anew, so such a server can enter accounts that have an address. With these users may publish their addresses. A URL may begin with http:// where all between here and there can be trusted. Others are never contacted.',
    }),
    requestTimeout: setting(duration, '10s', { description: 'How long one request to an identity server may take.' }),
  },
} as const
