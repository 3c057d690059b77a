import type { Answer, Body, Json, TestClient } from '../../support/client.ts'

/** The two wire forms: the unstable one that Element X sends, and that of MSC4186. */
export const FORMS = ['legacy', 'v4'] as const
export type Form = (typeof FORMS)[number]

const LEGACY_PATH = '/unstable/org.matrix.simplified_msc3575/sync'
const V4_PATH = '/v4/sync'

export type ExtensionName = 'to_device' | 'e2ee' | 'account_data' | 'receipts' | 'typing'

/** The key of an extension, as long as its proposal is not accepted. */
const V4_KEYS: Readonly<Record<ExtensionName, string>> = {
  to_device: 'org.matrix.msc4538.to_device',
  e2ee: 'org.matrix.msc4543.e2ee',
  account_data: 'org.matrix.msc4548.account_data',
  receipts: 'org.matrix.msc4551.receipts',
  typing: 'org.matrix.msc4508.typing',
}

export const keyOf = (form: Form, name: ExtensionName): string => (form === 'legacy' ? name : V4_KEYS[name])

/** One list of a request, in words of neither form. */
export interface ListWish {
  /** Default: all rooms. */
  readonly range?: readonly [number, number]
  readonly timelineLimit?: number
  readonly requiredState?: readonly (readonly [string, string])[]
  readonly lazyMembers?: boolean
  readonly filters?: Body
}

export type SubscriptionWish = Pick<ListWish, 'timelineLimit' | 'requiredState' | 'lazyMembers'>

export interface SlidingWish {
  readonly lists?: Readonly<Record<string, ListWish>>
  readonly subscriptions?: Readonly<Record<string, SubscriptionWish>>
  readonly extensions?: Partial<Readonly<Record<ExtensionName, Body>>>
  /** As the form writes it. */
  readonly otherExtensions?: Body
  readonly timeout?: number
}

/** One connection of one device. */
export class SlidingConnection {
  readonly client: TestClient
  readonly form: Form
  readonly id: string | undefined
  pos: string | undefined

  constructor(client: TestClient, form: Form, id?: string) {
    this.client = client
    this.form = form
    this.id = id
  }

  /** Sends a request and goes on from its answer. */
  async next(wish: SlidingWish = {}): Promise<Json> {
    const answer = await this.ask(wish)
    if (answer.status !== 200)
      throw new Error(`sliding sync was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    this.pos = answer.body.pos
    return answer.body
  }

  /** Sends a request without going on, as where the answer is lost. */
  ask(wish: SlidingWish = {}, pos: string | undefined = this.pos): Promise<Answer> {
    const { form, id } = this
    const { timeout } = wish
    const ofConnection = { ...(id === undefined ? {} : { conn_id: id }) }
    const body = { ...ofConnection, ...bodyOf(form, wish) }
    const place = { ...(pos === undefined ? {} : { pos }), ...(timeout === undefined ? {} : { timeout }) }
    return form === 'legacy'
      ? this.client.request('POST', LEGACY_PATH, { body, query: place })
      : this.client.request('POST', V4_PATH, { body: { ...body, ...place } })
  }

  /** The part of an answer under an extension. */
  extension(answer: Json, name: ExtensionName): Json {
    return answer.extensions?.[keyOf(this.form, name)]
  }
}

const bodyOf = (
  form: Form,
  { lists = {}, subscriptions = {}, extensions = {}, otherExtensions }: SlidingWish,
): Body => {
  const extensionsWritten = Object.entries(extensions).map(([name, config]) => [
    keyOf(form, name as ExtensionName),
    config,
  ])
  return {
    lists: mapped(lists, (list) => listOf(form, list)),
    room_subscriptions: mapped(subscriptions, (subscription) => configOf(form, subscription)),
    extensions: { ...Object.fromEntries(extensionsWritten), ...otherExtensions },
  }
}

const listOf = (form: Form, list: ListWish): Body => {
  const { range, filters } = list
  const { is_invited, ...others } = filters ?? {}
  const legacyFilters = { ...others, ...(is_invited === undefined ? {} : { is_invite: is_invited }) }
  const ofForm =
    form === 'legacy'
      ? { ...(range === undefined ? { slow_get_all_rooms: true } : { ranges: [range] }), filters: legacyFilters }
      : { ...(range === undefined ? {} : { range }), filters: filters ?? {} }
  return { ...configOf(form, list), ...ofForm }
}

const configOf = (
  form: Form,
  { timelineLimit = 10, requiredState = [], lazyMembers = false }: SubscriptionWish,
): Body => ({
  timeline_limit: timelineLimit,
  required_state:
    form === 'legacy'
      ? [...requiredState, ...(lazyMembers ? [['m.room.member', '$LAZY']] : [])]
      : { include: requiredState.map(includeOf), ...(lazyMembers ? { lazy_members: true } : {}) },
})

const includeOf = ([type, key]: readonly [string, string]): Body => ({
  ...(type === '*' ? {} : { type }),
  ...(key === '*' ? {} : { state_key: key }),
})

const mapped = <From>(from: Readonly<Record<string, From>>, to: (one: From) => Body): Body =>
  Object.fromEntries(Object.entries(from).map(([name, one]) => [name, to(one)]))
