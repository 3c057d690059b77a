import { MatrixError } from '#spec'
import type { AuthRequest } from '../endpoint/auth.ts'
import type { RemoteServer } from '../endpoint/requester.ts'

/** Finds the homeserver that signed a request. */
export interface RequestSignatures {
  /** Throws `M_UNAUTHORIZED` without a valid signature, and `M_FORBIDDEN` for servers that this one does not talk with. */
  signerOf(
    request: Pick<AuthRequest, 'method' | 'url' | 'authorizations' | 'body' | 'bodyText' | 'ip'>,
  ): Promise<RemoteServer>
}

/** For an edge that no other servers reach. */
export const noOtherServers: RequestSignatures = {
  signerOf: async () => {
    throw new MatrixError('M_FORBIDDEN', 'This server does not talk with other servers')
  },
}
