import type { EventId, RoomEvent, RoomVersion } from '#spec'
import { stringAt } from '#spec'
import { powerLevelsOf } from '../auth/index.ts'
import { compareCodePoints } from '../canonical-json.ts'
import type { EventReader } from './event-reader.ts'
import { Heap } from './heap.ts'
import type { ResolutionSteps } from './steps.ts'

/** A power event might take from someone the ability to do something in the room. */
export const isPowerEvent = ({ type, stateKey, sender, content }: RoomEvent): boolean => {
  switch (type) {
    case 'm.room.power_levels':
    case 'm.room.join_rules':
    case 'm.room.create':
      return stateKey === ''
    case 'm.room.member': {
      const membership = stringAt(content, 'membership')
      return (membership === 'leave' || membership === 'ban') && stateKey !== undefined && stateKey !== sender
    }
    default:
      return false
  }
}

/**
 * The power events of the full conflicted set with what of their auth chains is in it too, in reverse topological power
 * ordering, earliest first. A chain is followed only through events of the set, as the implementations do with which
 * rooms were built.
 */
export function* powerOrder(
  version: RoomVersion,
  full: ReadonlySet<EventId>,
  reader: EventReader,
): ResolutionSteps<RoomEvent[]> {
  const nodes = yield* powerNodes(version, full, reader)
  const ready = new Heap<Node>(isEarlier)
  for (const node of nodes.values()) if (node.waitingFor === 0) ready.push(node)
  const ordered: RoomEvent[] = []
  for (;;) {
    yield
    const node = ready.pop()
    if (node === undefined) return ordered
    ordered.push(node.event)
    for (const citing of node.citedBy) if (--citing.waitingFor === 0) ready.push(citing)
  }
}

interface Node {
  readonly event: RoomEvent
  readonly senderLevel: number
  readonly citedBy: Node[]
  /** The number of its auth events that are not in the ordering yet. */
  waitingFor: number
}

function* powerNodes(
  version: RoomVersion,
  full: ReadonlySet<EventId>,
  reader: EventReader,
): ResolutionSteps<ReadonlyMap<EventId, Node>> {
  const nodes = new Map<EventId, Node>()
  const pending: Node[] = []
  const add = (event: RoomEvent): Node => {
    const node: Node = { event, senderLevel: senderLevelOf(version, event, reader), citedBy: [], waitingFor: 0 }
    nodes.set(event.eventId, node)
    pending.push(node)
    return node
  }
  for (const eventId of full) {
    yield
    const event = reader.get(eventId)
    if (event !== undefined && isPowerEvent(event)) add(event)
  }
  for (;;) {
    yield
    const node = pending.pop()
    if (node === undefined) return nodes
    for (const cited of new Set(node.event.authEvents)) {
      const event = full.has(cited) ? reader.get(cited) : undefined
      if (event === undefined) continue
      const citedNode = nodes.get(cited) ?? add(event)
      citedNode.citedBy.push(node)
      node.waitingFor++
    }
  }
}

const senderLevelOf = (version: RoomVersion, event: RoomEvent, reader: EventReader): number => {
  const powerLevels = reader.authEvent(event, 'm.room.power_levels', '')
  const create = reader.createOf(version, event)
  return powerLevelsOf(version, create, powerLevels).ofUser(event.sender)
}

const isEarlier = (left: Node, right: Node): boolean =>
  left.senderLevel === right.senderLevel
    ? compareByTime(left.event, right.event) < 0
    : left.senderLevel > right.senderLevel

/** The order of events that nothing else tells apart. */
export const compareByTime = (left: RoomEvent, right: RoomEvent): number =>
  left.originServerTs - right.originServerTs || compareCodePoints(left.eventId, right.eventId)
