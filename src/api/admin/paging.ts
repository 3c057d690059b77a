import { Type } from 'typebox'

/** The most that one page has, whatever is asked for. */
const MOST = 1_000

/** The members of a query that pages through a list, as Synapse names them. */
export const PAGE_QUERY = {
  from: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  dir: Type.Optional(Type.Enum(['f', 'b'])),
} as const

interface PageQuery {
  readonly from?: number | undefined
  readonly limit?: number | undefined
  readonly dir?: string | undefined
}

export const pageOf = ({ from = 0, limit = 100, dir }: PageQuery) => ({
  from,
  limit: Math.min(limit, MOST),
  descending: dir === 'b',
})

/** Where the next page begins; nothing on the last one. */
export const nextToken = (from: number, shown: number, total: number): { readonly next_token?: number } =>
  shown > 0 && from + shown < total ? { next_token: from + shown } : {}
