import { isUtf8 } from 'node:buffer'
import Type from 'typebox'
import { ConcurrentWrite, MAX_DATA_BYTES, type RendezvousState } from '#domain'
import { type AnyEndpoint, addressKey, CustomReply, endpoint, none, type StreamedBody } from '#http'
import { MatrixError } from '#spec'
import { NEVER_KEPT, type RendezvousDeps } from './rendezvous.ts'

const SESSIONS = '/_matrix/client/unstable/org.matrix.msc4108/rendezvous'

const InSession = Type.Object({ id: Type.String() })

/** The state in headers: its token is the `ETag`, which scripts of other sites may read. */
const headersOf = ({ token, changedAtMs, expiresAtMs }: RendezvousState): Readonly<Record<string, string>> => ({
  ...NEVER_KEPT,
  'Access-Control-Expose-Headers': 'ETag',
  ETag: `"${token}"`,
  'Last-Modified': new Date(changedAtMs).toUTCString(),
  Expires: new Date(expiresAtMs).toUTCString(),
})

const empty = (status: number, state: RendezvousState): CustomReply =>
  new CustomReply({ status, headers: { ...headersOf(state), 'Content-Type': 'text/plain' }, body: '' })

const concurrentWrite = (state: RendezvousState): MatrixError =>
  new MatrixError('M_UNKNOWN', 'This is not the newest ETag', {
    status: 412,
    fields: { 'org.matrix.msc4108.errcode': 'M_CONCURRENT_WRITE' },
    headers: headersOf(state),
  })

/** Throws `M_TOO_LARGE`, and `M_INVALID_PARAM` for what is no text. */
const textOf = async ({ stream, lengthBytes = 0 }: StreamedBody): Promise<string> => {
  const tooLarge = (): MatrixError => new MatrixError('M_TOO_LARGE', `The data has more than ${MAX_DATA_BYTES} bytes`)
  if (lengthBytes > MAX_DATA_BYTES) throw tooLarge()
  const pieces: Buffer[] = []
  let sizeBytes = 0
  for await (const piece of stream.iterator({ destroyOnReturn: false })) {
    sizeBytes += (piece as Buffer).length
    if (sizeBytes > MAX_DATA_BYTES) throw tooLarge()
    pieces.push(piece as Buffer)
  }
  const bytes = Buffer.concat(pieces)
  if (!isUtf8(bytes)) throw new MatrixError('M_INVALID_PARAM', 'The data is no text')
  return bytes.toString()
}

/** MSC4108 as of 2024: the same sessions as texts with entity tags. */
export const rendezvousOf2024Endpoints = ({ rendezvous, publicBaseUrl }: RendezvousDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: [SESSIONS],
    auth: none(),
    rateLimit: 'other',
    body: 'stream',
    handler: async ({ body, ip }) => {
      const opened = await rendezvous.open(await textOf(body), addressKey(ip))
      const url = `${publicBaseUrl}${SESSIONS}/${opened.id}`
      return new CustomReply({ status: 201, headers: { ...headersOf(opened), Location: url }, body: { url } })
    },
  }),
  endpoint({
    method: 'GET',
    paths: [`${SESSIONS}/:id`],
    auth: none(),
    rateLimit: 'read',
    params: InSession,
    handler: async ({ params, header }) => {
      const state = await rendezvous.read(params.id)
      if (header('if-none-match') === `"${state.token}"`) return empty(304, state)
      const headers = { ...headersOf(state), 'Content-Type': 'text/plain' }
      return new CustomReply({ status: 200, headers, body: state.data })
    },
  }),
  endpoint({
    method: 'PUT',
    paths: [`${SESSIONS}/:id`],
    auth: none(),
    rateLimit: 'other',
    params: InSession,
    scriptHeaders: ['If-Match', 'If-None-Match'],
    body: 'stream',
    handler: async ({ params, body, header }) => {
      const token = /^"(\d{1,15})"$/.exec(header('if-match') ?? '')?.[1]
      const data = await textOf(body)
      if (header('if-match') === undefined) throw new MatrixError('M_MISSING_PARAM', 'If-Match is missing')
      try {
        return empty(202, await rendezvous.write(params.id, token ?? '', data))
      } catch (error) {
        throw error instanceof ConcurrentWrite ? concurrentWrite(await rendezvous.read(params.id)) : error
      }
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
      return new CustomReply({ status: 204, headers: { ...NEVER_KEPT, 'Content-Type': 'text/plain' }, body: '' })
    },
  }),
]
