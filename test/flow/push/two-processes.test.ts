import { expect, it } from 'vitest'
import { askPostgres, createPostgres, onPostgres, postgresUrl } from '../../contract/databases.ts'
import { startHomeserver } from '../../support/homeserver.ts'
import { PushGateway, pusherOf, setPusher } from '../../support/other-servers/push-gateway.ts'

onPostgres('the process that pushes', () => {
  it('pushes with the next news what another process wrote and nobody told it of', async () => {
    const database = `homeroom_pushed_${process.pid}`
    await createPostgres(database)
    try {
      const settings = {
        push: { allowPrivateAddresses: true },
        storage: { database: postgresUrl(database), severalProcesses: true },
      }
      await using one = await startHomeserver({ settings })
      await using two = await startHomeserver({ settings })
      await using gateway = await PushGateway.start()
      const [alice, bob] = [await one.register('alice'), await one.register('bob')]
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(roomId)
      await setPusher(alice, pusherOf(gateway.url))
      const bobThere = Object.assign(two.client(), { userId: bob.userId, accessToken: bob.accessToken })
      const untold = await bobThere.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'untold' }, 'untold')
      await bob.createRoom()
      expect((await gateway.next()).event_id).toBe(untold)
    } finally {
      await askPostgres(`drop database ${database} with (force)`)
    }
  }, 120_000)
})
