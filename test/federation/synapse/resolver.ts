import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { JsonObject } from '#spec'
import { repositoryRoot } from '../../../scripts/cruise.ts'
import type { Json } from '../../support/client.ts'
import { SYNAPSE } from './synapse.ts'

export interface ResolutionQuestion extends JsonObject {
  readonly version: string
  readonly room_id: string
  readonly events: readonly JsonObject[]
  /** The events of each state. */
  readonly sets: readonly (readonly string[])[]
}

/** Synapse's own state resolution, in a process that answers line by line. */
export class SynapseResolver {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  static async start(): Promise<SynapseResolver> {
    const script = join(repositoryRoot, 'test', 'federation', 'synapse', 'resolve.py')
    const child = spawn(SYNAPSE ?? 'python3', ['-W', 'ignore', script], { stdio: ['pipe', 'pipe', 'inherit'] })
    const resolver = new SynapseResolver(child)
    await resolver.#next()
    return resolver
  }

  /** The ids of the events in the resolved state, sorted. */
  async resolve(question: ResolutionQuestion): Promise<readonly string[]> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`)
    const { resolved, error } = await this.#next()
    if (error !== undefined) throw new Error(`Synapse could not resolve: ${error}`)
    return resolved
  }

  async #next(): Promise<Json> {
    const { value, done } = await this.#answers.next()
    if (done === true) throw new Error('the process with Synapse has ended')
    return JSON.parse(value)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.stdin.end()
    await gone
  }
}
