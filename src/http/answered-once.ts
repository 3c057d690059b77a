import { BoundedCache, type CacheStats } from '#base'
import type { Answer } from './endpoint/answer.ts'
import type { AnyEndpoint, AnyRequest } from './endpoint/endpoint.ts'
import { isOldPath } from './endpoint/paths.ts'

const LIMIT_BYTES = 4 * 1024 * 1024

/**
 * In 2015 most requests could be made by `PUT` too, with a transaction id behind their path (Swagger of that time): the same again does
 * nothing anew and has the same answer. Answers are remembered in memory, the latest of them; refusals are not.
 */
export class AnsweredOnce {
  readonly #answered = new BoundedCache<string, { readonly answer: Answer }>({
    name: 'old-transactions',
    limitBytes: LIMIT_BYTES,
    sizeBytes: (_, key) => 400 + key.length * 2,
  })
  readonly #underWay = new Map<string, Promise<Answer>>()

  stats(): CacheStats {
    return this.#answered.stats()
  }

  async once(
    { requester, path }: Pick<AnyRequest, 'requester' | 'path'>,
    make: () => Promise<Answer>,
  ): Promise<Answer> {
    // A transaction belongs to a device, as with events.
    if (requester === undefined) return make()
    const key = `${requester.device} ${path}`
    const known = this.#answered.get(key)?.answer ?? this.#underWay.get(key)
    if (known !== undefined) return known
    const making = make()
    this.#underWay.set(key, making)
    try {
      const answer = await making
      this.#answered.set(key, { answer })
      return answer
    } finally {
      this.#underWay.delete(key)
    }
  }
}

/** The endpoints, and for each `POST` among them that was served in 2015 its twin by `PUT`. Their answers must be small. */
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
