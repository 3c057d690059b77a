import type { RoomChange, RoomListing } from '../../../ports/rooms/room-change.ts'
import type { Tx } from '../../engine/index.ts'
import { query } from '../tables.ts'

const publishRoom = query((db, param: { room: number; published: number }) =>
  db.updateTable('rooms').set({ published: param.published }).where('room', '=', param.room),
)

type ListingParams = RoomListing & { readonly room: number }

const updateListing = query((db, param: ListingParams) =>
  db
    .updateTable('room_listings')
    .set({ shown: param.shownJson, searchable: param.searchable, room_type: param.roomType })
    .where('room', '=', param.room),
)

const putListing = query((db, param: ListingParams) =>
  db
    .insertInto('room_listings')
    .values({ room: param.room, shown: param.shownJson, searchable: param.searchable, room_type: param.roomType })
    .onConflict((on) =>
      on
        .column('room')
        .doUpdateSet({ shown: param.shownJson, searchable: param.searchable, room_type: param.roomType }),
    ),
)

/** Stores whether and how the directory shows the room. A room that was never published needs no listing. */
export const storeListing = async (
  tx: Tx,
  room: number,
  { published, listing }: Pick<RoomChange, 'published' | 'listing'>,
): Promise<void> => {
  if (published !== undefined) await tx.run(publishRoom, { room, published: published ? 1 : 0 })
  if (listing === undefined) return
  if (published === true) await tx.run(putListing, { room, ...listing })
  else await tx.run(updateListing, { room, ...listing })
}
