/** An event of one room, and everything that decides who is shown it. */
export interface ModelEvent {
  readonly id: string
  readonly sender: string
  readonly type: string
  readonly ts: number
  readonly relation: { readonly type: string; readonly target: string } | undefined
  /** Whether a replacement has new content. */
  readonly replaces: boolean
  redacted: boolean
  /** As it was when the event was sent. */
  readonly visibility: string
  readonly members: ReadonlySet<string>
}

export interface ModelBundle {
  readonly replace?: string
  readonly thread?: {
    readonly latest: string
    readonly latestEdit?: string
    readonly count: number
    readonly participated: boolean
  }
  readonly references?: readonly string[]
}

const DEPTH = 3

/** The relations among the events of one room, from everything that happened, with no regard to cost. */
export class ModelRoom {
  readonly events: ModelEvent[] = []
  readonly members = new Set<string>()
  /** By user: the place of the last join. */
  readonly #joined = new Map<string, number>()
  readonly ignored = new Map<string, Set<string>>()
  visibility = 'shared'

  add(event: Pick<ModelEvent, 'id' | 'sender' | 'type' | 'ts' | 'relation' | 'replaces'>): void {
    const { visibility } = this
    this.events.push({ ...event, redacted: false, visibility, members: new Set(this.members) })
  }

  join(user: string): void {
    this.members.add(user)
    this.#joined.set(user, this.events.length)
  }

  event(id: string): ModelEvent | undefined {
    return this.events.find((event) => event.id === id)
  }

  /** Where the user's reading ends; undefined for members, and for all where anybody may read now. */
  isShown(event: ModelEvent, user: string): boolean {
    if (this.ignored.get(user)?.has(event.sender) === true) return false
    return this.maySee(event, user)
  }

  maySee(event: ModelEvent, user: string): boolean {
    const { visibility, members } = event
    const joinedLater = (this.#joined.get(user) ?? -1) > this.events.indexOf(event)
    return visibility === 'world_readable' || members.has(user) || (visibility === 'shared' && joinedLater)
  }

  relationOf(event: ModelEvent): ModelEvent['relation'] {
    return event.redacted ? undefined : event.relation
  }

  /** Events that relate to it and that the user is shown, oldest first. */
  relating(target: string, user: string, relType?: string): readonly ModelEvent[] {
    return this.events.filter((event) => {
      const relation = this.relationOf(event)
      return relation?.target === target && (relType ?? relation.type) === relation.type && this.isShown(event, user)
    })
  }

  /** The same by way of others, shown or not. */
  relatingDeep(target: string, user: string): readonly string[] {
    const found = new Set<string>()
    let level = new Set([target])
    for (let depth = 0; depth < DEPTH; depth++) {
      const next = this.events.filter((event) => level.has(this.relationOf(event)?.target ?? ''))
      for (const event of next) if (this.isShown(event, user)) found.add(event.id)
      level = new Set(next.map(({ id }) => id))
    }
    return this.events.filter(({ id }) => found.has(id)).map(({ id }) => id)
  }

  editOf(event: ModelEvent, user: string): string | undefined {
    if (event.redacted || event.relation?.type === 'm.replace') return undefined
    return this.relating(event.id, user, 'm.replace')
      .filter(({ sender, type, replaces }) => sender === event.sender && type === event.type && replaces)
      .toSorted((one, other) => one.ts - other.ts || (one.id < other.id ? -1 : 1))
      .at(-1)?.id
  }

  bundleOf(event: ModelEvent, user: string): ModelBundle {
    const replace = this.editOf(event, user)
    const replies = this.relationOf(event) === undefined ? this.relating(event.id, user, 'm.thread') : []
    const latest = replies.at(-1)
    const latestEdit = latest && this.editOf(latest, user)
    const references = this.relating(event.id, user, 'm.reference').map(({ id }) => id)
    const hasReplied = replies.some(({ sender }) => sender === user)
    return {
      ...(replace === undefined ? {} : { replace }),
      ...(latest === undefined
        ? {}
        : {
            thread: {
              ...{ latest: latest.id, count: replies.length, participated: event.sender === user || hasReplied },
              ...(latestEdit === undefined ? {} : { latestEdit }),
            },
          }),
      ...(references.length === 0 ? {} : { references }),
    }
  }

  /** Roots of threads, that with the latest reply first, whoever sees it. */
  threadsOf(user: string): readonly string[] {
    const latest = (root: string): number =>
      this.events.findLastIndex((event) => {
        const relation = this.relationOf(event)
        return relation?.type === 'm.thread' && relation.target === root
      })
    return this.events
      .filter((event) => this.maySee(event, user) && this.bundleOf(event, user).thread !== undefined)
      .map(({ id }) => id)
      .toSorted((one, other) => latest(other) - latest(one))
  }
}
