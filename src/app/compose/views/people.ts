import { DeviceLists, type IgnoredUsers, ProfileChanges, RecentChanges, type RoomFactsCache, SharedRooms } from '#views'
import type { RoomsGround } from '../rooms/rooms.ts'

/** Builds what tells of changes of people: of their keys, and of their profiles. */
export const buildPeople = (
  { store, serverName, streams }: RoomsGround,
  facts: RoomFactsCache,
  ignored: IgnoredUsers,
) => {
  const { deviceLists: reader, rooms: memberships, profileChanges } = store
  const positions = streams.positions()
  const keys = new RecentChanges({
    ...{ name: 'recent-key-changes', stream: 'deviceLists' },
    position: positions.deviceLists,
  })
  const profiles = new RecentChanges({
    ...{ name: 'recent-profiles', stream: 'profiles' },
    position: positions.profiles,
  })
  for (const recent of [keys, profiles]) streams.onNews(recent)
  const shared = new SharedRooms({ reader, memberships, facts })
  return {
    told: {
      deviceLists: new DeviceLists({ reader, shared, recent: keys, serverName }),
      profileChanges: new ProfileChanges({
        reader: profileChanges,
        people: reader,
        ...{ shared, recent: profiles, ignored, serverName },
      }),
    },
    recent: [keys, profiles],
  }
}
