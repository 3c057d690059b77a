import type { Receipt, ReceiptsWriter } from '../../ports/personal/receipts.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'

export interface ReceiptTables {
  receipts: {
    room: number
    user_number: number
    type: string
    /** `UNTHREADED` for unthreaded receipts. */
    thread_id: string
    event_id: string
    event_position: number
    at_ms: number
    position: number
    content_json: string | null
  }
}

export const UNTHREADED = ''

interface Row {
  readonly room: number
  readonly user: number
  readonly type: string
  readonly threadId: string
  readonly eventId: string
  readonly eventPosition: number
  readonly atMs: number
  readonly position: number
  readonly contentJson: string | null
}

const query = queriesOver<ReceiptTables>()

/** Returns no row if the stored receipt points as far or farther. */
const moveForward = query((db, param: Row) =>
  db
    .insertInto('receipts')
    .values({
      room: param.room,
      user_number: param.user,
      type: param.type,
      thread_id: param.threadId,
      event_id: param.eventId,
      event_position: param.eventPosition,
      at_ms: param.atMs,
      position: param.position,
      content_json: param.contentJson,
    })
    .onConflict((on) =>
      on
        .columns(['room', 'user_number', 'type', 'thread_id'])
        .doUpdateSet({
          event_id: param.eventId,
          event_position: param.eventPosition,
          at_ms: param.atMs,
          position: param.position,
          content_json: param.contentJson,
        })
        .where('receipts.event_position', '<', param.eventPosition),
    ),
)
const inForce = query((db, param: Pick<Row, 'room' | 'user' | 'type' | 'threadId'>) =>
  db
    .selectFrom('receipts')
    .select('event_position')
    .where('room', '=', param.room)
    .where('user_number', '=', param.user)
    .where('type', '=', param.type)
    .where('thread_id', '=', param.threadId),
)

const move = defineWrite('receipts.move', ['receipts'], async (tx, receipt: Receipt): Promise<boolean> => {
  const user = await tx.userNumber(receipt.userId)
  const key = { room: receipt.room, user, type: receipt.type, threadId: receipt.threadId ?? UNTHREADED }
  // Asked first, so that a repeated receipt takes no position of the stream.
  const before = await tx.first(inForce, key)
  if (before !== undefined && before.event_position >= receipt.eventPosition) return false
  const position = tx.next('receipts', 1)
  const { eventId, eventPosition, atMs, contentJson = null } = receipt
  await tx.run(moveForward, { ...key, eventId, eventPosition, atMs, position, contentJson })
  const rooms = receipt.type === 'm.read' ? [receipt.room] : []
  tx.announce({ stream: 'receipts', position, rooms, users: [user] })
  return true
})

const removeOfRoom = query((db, param: { room: number }) => db.deleteFrom('receipts').where('room', '=', param.room))

const removeRoom = defineWrite('receipts.removeRoom', async (tx, { room }: { room: number }): Promise<void> => {
  await tx.run(removeOfRoom, { room })
})

export const receiptWrites = [move, removeRoom]

export const receiptsWriter: ReceiptsWriter = { move, removeRoom: (room) => removeRoom({ room }) }
