import { type JsonObject, MatrixError } from '#spec'
import type { Answer } from './endpoint/answer.ts'
import type { AnyEndpoint, AnyRequest } from './endpoint/endpoint.ts'
import { isOldPath } from './endpoint/paths.ts'

/** A transaction of a device: the same path is the same transaction. */
export interface TransactionKey {
  readonly device: number
  readonly path: string
}

/** Keeps transactions, also for other processes and across restarts. */
export interface TransactionAnswers {
  begin(
    key: TransactionKey,
  ): Promise<{ readonly kind: 'begun' | 'underWay' } | { readonly kind: 'answered'; readonly answer: JsonObject }>
  finish(key: TransactionKey, answer: JsonObject): Promise<void>
  /** Nothing came of it: the same may be tried again. */
  abandon(key: TransactionKey): Promise<void>
}

const RETRY_MS = 1_000

/**
 * In 2015 most requests could be made by `PUT` too, with a transaction id behind their path (Swagger of that time): the same again does
 * nothing anew and has the same answer. Refusals are not remembered.
 */
export class AnsweredOnce {
  readonly #answers: TransactionAnswers
  readonly #underWay = new Map<string, Promise<Answer>>()

  constructor(answers: TransactionAnswers) {
    this.#answers = answers
  }

  /** Throws `M_LIMIT_EXCEEDED` while another process answers the same. */
  async once(
    { requester, path }: Pick<AnyRequest, 'requester' | 'path'>,
    make: () => Promise<Answer>,
  ): Promise<Answer> {
    // Transactions are those of a device, as with events.
    if (requester === undefined || requester.kind === 'server') return make()
    const { device } = requester
    const key = `${device} ${path}`
    const known = this.#underWay.get(key)
    if (known !== undefined) return known
    const making = this.#make({ device, path }, make)
    this.#underWay.set(key, making)
    try {
      return await making
    } finally {
      this.#underWay.delete(key)
    }
  }

  async #make(key: TransactionKey, make: () => Promise<Answer>): Promise<Answer> {
    const state = await this.#answers.begin(key)
    if (state.kind === 'answered') return state.answer
    if (state.kind === 'underWay') throw underWay()
    let answer: Answer
    try {
      answer = await make()
    } catch (error) {
      await this.#answers.abandon(key)
      throw error
    }
    if (isPlain(answer)) await this.#answers.finish(key, answer)
    else await this.#answers.abandon(key)
    return answer
  }
}

const underWay = (): MatrixError =>
  new MatrixError('M_LIMIT_EXCEEDED', 'The same request is being answered', {
    fields: { retry_after_ms: RETRY_MS },
    headers: { 'Retry-After': String(RETRY_MS / 1_000) },
  })

const isPlain = (answer: Answer): answer is JsonObject =>
  typeof answer === 'object' && Object.getPrototypeOf(answer) === Object.prototype

/** The endpoints, and for each `POST` among them that was served in 2015 its twin by `PUT`. Their answers must be small JSON objects. */
export const withPutTwins = (
  endpoints: readonly AnyEndpoint[],
  answered: Pick<AnsweredOnce, 'once'>,
): readonly AnyEndpoint[] =>
  endpoints.flatMap((endpoint) => {
    const [first, ...others] = endpoint.paths.filter(isOldPath).map((path) => `${path}/:txnId`)
    if (endpoint.method !== 'POST' || first === undefined) return [endpoint]
    const handler: AnyEndpoint['handler'] = (request) => answered.once(request, () => endpoint.handler(request))
    return [endpoint, { ...endpoint, method: 'PUT', paths: [first, ...others], handler }]
  })
