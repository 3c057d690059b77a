import { describe, expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection } from './connection.ts'

onEveryHomeserver('is_dm of sliding sync', (start) => {
  describe.each(FORMS)('in the %s form', (form: Form) => {
    it('changes with m.direct, also where the server restarts before the next request', async () => {
      await using homeserver = await start()
      const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
      const [roomId, other] = [await alice.createRoom(), await alice.createRoom()]
      const direct = (rooms: readonly string[]) =>
        alice.put(`/v3/user/${alice.userId}/account_data/m.direct`, { [bob.userId]: rooms })
      const connection = new SlidingConnection(alice, form)
      const lists = { lists: { all: {} } }
      await connection.next(lists)
      await direct([roomId])
      expect((await connection.next(lists)).rooms).toMatchObject({ [roomId]: { is_dm: true } })
      await direct([])
      await homeserver.restart()
      expect((await connection.next(lists)).rooms).toMatchObject({ [roomId]: { is_dm: false } })
      await homeserver.restart()
      expect((await connection.next(lists)).rooms).toEqual({})
      await direct([other])
      expect((await connection.next(lists)).rooms).toMatchObject({ [other]: { is_dm: true } })
    })
  })
})
