import Type from 'typebox'
import { ConcurrentWrite, type Rendezvous, type RendezvousState } from '#domain'
import { type AnyEndpoint, addressKey, CustomReply, endpoint, none } from '#http'
import { type JsonObject, MatrixError } from '#spec'

export interface RendezvousDeps {
  readonly rendezvous: Rendezvous
  readonly clock: { nowMs(): number }
  /** Where clients reach this server. */
  readonly publicBaseUrl: string
}

const SESSIONS = '/_matrix/client/unstable/io.element.msc4388/rendezvous'
/** Four KiB of data, each byte of which may be escaped. */
const BODY_LIMIT_BYTES = 32 * 1024
/** "Opaque identifier grammar" (appendices). */
const TRANSACTION = /^[A-Za-z0-9._=-]{1,255}$/

/** Proxies have kept answers that change with every write. */
export const NEVER_KEPT = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const

const InSession = Type.Object({ id: Type.String() })
const Data = Type.String()
const Update = Type.Object({ sequence_token: Type.String(), data: Data })

const answer = (body: JsonObject): CustomReply => new CustomReply({ status: 200, headers: NEVER_KEPT, body })

/** MSC4388: the place where a device that is logged in and one that is not yet exchange what a login by a QR code needs. */
export const rendezvousEndpoints = ({ rendezvous, clock }: RendezvousDeps): readonly AnyEndpoint[] => {
  const timeOf = ({ expiresAtMs }: RendezvousState): number => Math.max(0, expiresAtMs - clock.nowMs())
  const write = async (
    id: string,
    { sequence_token: token, data }: Readonly<Record<keyof UpdateBody, string>>,
    txnId?: string,
  ) => {
    try {
      return answer({ sequence_token: (await rendezvous.write(id, token, data, txnId)).token })
    } catch (error) {
      if (!(error instanceof ConcurrentWrite)) throw error
      throw new MatrixError('IO_ELEMENT_MSC4388_CONCURRENT_WRITE', 'This is not the newest sequence_token')
    }
  }
  return [
    ...openingEndpoints(rendezvous, timeOf),
    endpoint({
      method: 'GET',
      paths: [`${SESSIONS}/:id`],
      auth: none(),
      rateLimit: 'read',
      params: InSession,
      handler: async ({ params, header }) => {
        if (isShownToPeople(header)) throw new MatrixError('M_FORBIDDEN', 'This is not for a page that people see')
        const state = await rendezvous.read(params.id)
        return answer({ data: state.data, sequence_token: state.token, expires_in_ms: timeOf(state) })
      },
    }),
    endpoint({
      method: 'PUT',
      paths: [`${SESSIONS}/:id`],
      auth: none(),
      rateLimit: 'other',
      params: InSession,
      body: Update,
      bodyLimitBytes: BODY_LIMIT_BYTES,
      handler: ({ params, body }) => write(params.id, body),
    }),
    // The form of the proposal since it has transaction ids.
    endpoint({
      method: 'PUT',
      paths: [`${SESSIONS}/:id/:txnId`],
      auth: none(),
      rateLimit: 'other',
      params: Type.Object({ id: Type.String(), txnId: Type.String() }),
      body: Update,
      bodyLimitBytes: BODY_LIMIT_BYTES,
      handler: async ({ params, body }) => {
        if (!TRANSACTION.test(params.txnId)) throw new MatrixError('M_INVALID_PARAM', 'Not a transaction id')
        return write(params.id, body, params.txnId)
      },
    }),
    endpoint({
      method: 'DELETE',
      paths: [`${SESSIONS}/:id`],
      auth: none(),
      rateLimit: 'other',
      params: InSession,
      handler: async ({ params }) => {
        await rendezvous.close(params.id)
        return answer({})
      },
    }),
  ]
}

/** Whether sessions can be made here, and making one. */
const openingEndpoints = (
  rendezvous: RendezvousDeps['rendezvous'],
  timeOf: (state: RendezvousState) => number,
): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [SESSIONS],
    auth: none(),
    rateLimit: 'read',
    handler: async () => answer({ create_available: true }),
  }),
  endpoint({
    method: 'POST',
    paths: [SESSIONS],
    auth: none(),
    rateLimit: 'other',
    body: Type.Object({ data: Data }),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ body, ip }) => {
      const opened = await rendezvous.open(body.data, addressKey(ip))
      return answer({ id: opened.id, sequence_token: opened.token, expires_in_ms: timeOf(opened) })
    },
  }),
]

interface UpdateBody {
  readonly sequence_token: string
  readonly data: string
}

/** Whether a browser would show the answer, or asks because somebody followed a link: the data is another person's text (Fetch Metadata). */
const isShownToPeople = (header: (name: string) => string | undefined): boolean => {
  const dest = header('sec-fetch-dest')
  return (
    (dest !== undefined && dest !== 'empty') ||
    header('sec-fetch-mode') === 'navigate' ||
    header('sec-fetch-user') === '?1' ||
    header('sec-fetch-site') === 'none'
  )
}
