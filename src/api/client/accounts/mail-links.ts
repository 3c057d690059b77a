import { Type } from 'typebox'
import { none } from '#http'
import { cannotConfirmPage } from '#pages'
import type { MatrixError } from '#spec'

const refusedByEdge = (error: MatrixError) =>
  cannotConfirmPage({ status: error.status, title: 'This cannot be done', text: 'Wait a minute, then try again.' })

/** The declaration of a page that a link in a mail leads to: whoever has its token may use it, signed in or not. */
export const mailLinkPage = <Path extends `/${string}`>(path: Path) =>
  ({
    paths: [path] as const,
    auth: none(),
    rateLimit: 'other',
    query: Type.Object({ token: Type.Optional(Type.String({ maxLength: 255 })) }),
    errorPage: refusedByEdge,
  }) as const
