import type { RoomId } from '#spec'

/** `{"rooms":{…}}` with the text of each room; undefined where there is none. */
export const roomsText = (texts: Iterable<readonly [RoomId | undefined, string]>): string | undefined => {
  const members: string[] = []
  for (const [roomId, text] of texts) if (roomId !== undefined) members.push(`${JSON.stringify(roomId)}:${text}`)
  return members.length === 0 ? undefined : `{"rooms":{${members.join()}}}`
}
