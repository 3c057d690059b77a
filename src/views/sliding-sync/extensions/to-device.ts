import { type JsonObject, MatrixError } from '#spec'
import type { DurablePositions, News } from '#streams'
import { MOST_MESSAGES, type WaitingMessagesParts, waitingTexts } from '../../events/waiting-messages.ts'
import type { ExtensionAnswer, ExtensionWindow, SlidingExtension } from '../extension.ts'
import type { WireForm } from '../request.ts'
import { isEnabled } from './member.ts'

export interface ToDeviceExtensionParts extends WaitingMessagesParts {
  /** Removes what a device says that it has. */
  acknowledge(owner: { readonly user: number; readonly device: number }, upTo: number): Promise<void>
  /** Whether the streams reach so far. */
  readonly streams: { reach(wanted: Partial<DurablePositions>): Promise<boolean> }
}

interface ToDeviceConfig {
  readonly form: WireForm
  /** The client has all messages up to here. */
  readonly since: number | undefined
  readonly limit: number
}

/** `next_batch` is a position of the stream `toDevice` behind this letter. It is good for as long as its device. */
const TOKEN = /^d(\d{1,16})$/

/** `to_device` (MSC4538): messages to the device. What it has is said by a token of its own and not by `pos`, as messages are to be handled once. */
export class ToDeviceExtension implements SlidingExtension<ToDeviceConfig> {
  readonly name = 'to_device'
  readonly aliases = ['org.matrix.msc4538.to_device']
  readonly #parts: ToDeviceExtensionParts

  constructor(parts: ToDeviceExtensionParts) {
    this.#parts = parts
  }

  parse(member: JsonObject, form: WireForm): ToDeviceConfig | undefined {
    return isEnabled(member) ? { form, since: sinceIn(member), limit: limitIn(member) } : undefined
  }

  /**
   * A token ahead of the stream is of another server or of a lost database. MSC4538 refuses it. The clients of the legacy form would not get over
   * that, so there it counts as none: nothing is removed, and all that waits is told.
   */
  async begin({ form, since }: ToDeviceConfig, { user, device }: ExtensionWindow['viewer']): Promise<void> {
    if (since === undefined) return
    if (await this.#parts.streams.reach({ toDevice: since })) await this.#parts.acknowledge({ user, device }, since)
    else if (form === 'v4') throw noToken()
  }

  concerns({ stream }: News): boolean {
    return stream === 'toDevice'
  }

  async read({ form, since, limit }: ToDeviceConfig, window: ExtensionWindow): Promise<ExtensionAnswer> {
    const { viewer, now, ignored } = window
    const upTo = now.toDevice
    const after = since === undefined || since > upTo ? 0 : since
    const { texts, reached, more } = await waitingTexts(this.#parts, { owner: viewer, after, upTo, limit, ignored })
    const isNews = more || texts.length > 0
    if (!isNews && form === 'v4') return { text: undefined, isNews }
    return { text: `{"next_batch":"d${reached}","events":[${texts.join()}]}`, isNews }
  }
}

const noToken = (): MatrixError =>
  new MatrixError('M_INVALID_PARAM', 'since of to_device is not a token of this server')

const sinceIn = ({ since }: JsonObject): number | undefined => {
  if (since === undefined || since === null) return undefined
  const position = typeof since === 'string' ? Number(TOKEN.exec(since)?.[1]) : Number.NaN
  if (!Number.isSafeInteger(position)) throw noToken()
  return position
}

/** A limit of 0 must not be taken: a client would acknowledge what it was never sent. */
const limitIn = ({ limit }: JsonObject): number => {
  if (limit === undefined || limit === null) return MOST_MESSAGES
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit <= 0)
    throw new MatrixError('M_INVALID_PARAM', 'limit of to_device is no positive integer')
  return Math.min(limit, MOST_MESSAGES)
}
