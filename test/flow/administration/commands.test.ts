import { expect, test, vi } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { administered } from './administrator.ts'

onEveryHomeserver('commands over rooms, media and jobs', (start) => {
  test('do what the administration API does, and are noted as the operator’s', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const alice = await server.register('alice')
    const roomId = await alice.createRoom({ name: 'Attic' })
    expect((await command(server, 'list-rooms', { from: 0, search: 'att' })).rooms).toHaveLength(1)
    await command(server, 'set-room-blocked', { room: roomId, blocked: true })
    expect(await command(server, 'show-room', { room: roomId })).toMatchObject({ name: 'Attic', blocked: true })
    const { job } = await command(server, 'delete-room', { room: roomId, block: false })
    await vi.waitFor(async () => expect((await command(server, 'show-job', { job })).state).toBe('complete'), {
      timeout: 10_000,
    })
    expect((await command(server, 'list-jobs')).jobs[0]).toMatchObject({ id: job, by: 'operator', subject: roomId })
    expect(await command(server, 'cancel-job', { job })).toEqual({ id: job, cancelled: false })
    await expect(command(server, 'show-room', { room: roomId })).rejects.toThrow('Room not found')
    await expect(command(server, 'change-media', { uri: 'nonsense', deed: 'delete' })).rejects.toThrow('no mxc')
    const uri = `mxc://elsewhere.example/x`
    await command(server, 'change-media', { uri, deed: 'quarantine' })
    await expect(command(server, 'change-media', { uri, deed: 'delete' })).rejects.toThrow('Only for media')
    await expect(command(server, 'delete-report', { report: 1 })).rejects.toThrow('no such report')
    await command(server, 'purge-media-cache', { before_ts: 1 })
    const { entries } = await admin.get('/_homeroom/admin/v1/audit_log', { by: 'operator' })
    expect(new Set(entries.map(({ action, via }: Json) => `${action} ${via}`))).toEqual(
      new Set(
        // The first one made the administrator who asks.
        ['user.make_admin', 'room.block', 'room.delete', 'media.quarantine', 'media.purge_cache'].map(
          (one) => `${one} command`,
        ),
      ),
    )
  })
})
