import type { ReceiptsReader, RoomNumber, RoomStateReader } from '#store'

export interface MailFactsParts {
  readonly reader: Pick<RoomStateReader, 'stateEvent'>
  readonly receipts: Pick<ReceiptsReader, 'ofUser'>
}

/** Facts of rooms that mails of notifications need besides the events. */
export class MailFacts {
  readonly #parts: MailFactsParts

  constructor(parts: MailFactsParts) {
    this.#parts = parts
  }

  async isEncrypted(room: RoomNumber): Promise<boolean> {
    return (await this.#parts.reader.stateEvent(room, 'current', 'm.room.encryption', '')) !== undefined
  }

  /** Whether any receipt of the user in the room stands at that position or later. */
  async hasRead(user: number, room: RoomNumber, position: number): Promise<boolean> {
    const receipts = await this.#parts.receipts.ofUser(user, [room])
    return receipts.some(({ eventPosition }) => eventPosition >= position)
  }
}
