export { AdministratorsTexts } from './administrators-texts.ts'
export { readerOfAllRooms } from './all-rooms-reader.ts'
export {
  AdminDestinations,
  DESTINATION_ORDERS,
  type DestinationNow,
  type DestinationOrder,
  retryInMs,
} from './destinations.ts'
export { AdminMedia, MEDIA_LIST_ORDERS, ownMediaJson } from './media.ts'
export { PEOPLE_LIST_ORDERS, People, type PeopleList, type PeopleQuestion } from './people.ts'
export { AdminReports, reportJson } from './reports.ts'
export { AdminRoomDetails } from './room-details.ts'
export { AdminRoomList, overviewJson, ROOM_LIST_ORDERS, type RoomList, type RoomListQuery } from './room-list.ts'
export { AdminRoomSizes } from './room-sizes.ts'
export { RoomTables } from './room-tables.ts'
