import type { EventId } from '#spec'
import { insertInto } from '../engine/index.ts'

/** Migration 0360 names owners and life times. */
export interface RelationTables {
  readonly relations: {
    readonly event: number
    readonly room: number
    readonly target: EventId
    readonly rel_type: string
    readonly type: string
    readonly sender: number
    readonly depth: number
    /** 1 for a replacement that is valid as far as it can tell by itself. */
    readonly edits: number | null
    readonly annotation: number | null
    /** The same as `event`, see migration 0430. */
    readonly place: number | null
  }
  readonly indirect_relations: {
    readonly event: number
    readonly target: EventId
    readonly room: number
    readonly parent: number
    readonly via: number
    readonly depth: number
  }
  readonly threads: {
    readonly room: number
    readonly root: EventId
    readonly replies: number
    readonly latest: number
  }
  readonly thread_senders: {
    readonly room: number
    readonly root: EventId
    readonly sender: number
    readonly replies: number
    readonly latest: number
  }
  readonly relations_filled: { readonly id: number; readonly up_to: number; readonly last: number }
}

export const insertRelations = insertInto(
  'relations',
  {
    event: 'integer',
    room: 'integer',
    target: 'text',
    rel_type: 'text',
    type: 'text',
    sender: 'integer',
    depth: 'integer',
    edits: 'integer?',
    annotation: 'integer?',
    place: 'integer',
  },
  { ifExists: 'ignore' },
)

export const insertIndirectRelations = insertInto(
  'indirect_relations',
  { event: 'integer', target: 'text', room: 'integer', parent: 'integer', via: 'integer', depth: 'integer' },
  { ifExists: 'ignore' },
)
