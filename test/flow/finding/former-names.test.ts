import { DatabaseSync } from 'node:sqlite'
import { expect, it, vi } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

it('what a former name leaves in the directory of users is taken out behind the change, also after a restart', async () => {
  const clock = new SteppedClock()
  await using homeserver = await startHomeserver({ clock })
  const alice = await homeserver.register('alice')
  const setName = (displayname: string) =>
    alice.put(`/v3/profile/${encodeURIComponent(alice.userId)}/displayname`, { displayname })
  const former = (): unknown => {
    const file = new DatabaseSync(homeserver.databaseFile, { readOnly: true })
    try {
      return file.prepare("select count(*) as count from user_names where former <> ''").get()?.count
    } finally {
      file.close()
    }
  }
  for (const name of ['Berta', 'Cleo']) await setName(name)
  await homeserver.restart()
  await vi.waitFor(() => expect(former()).toBe(0), { timeout: 20_000, interval: 50 })
  await setName('Dora')
  clock.advance(10_000)
  await vi.waitFor(() => expect(former()).toBe(0), { timeout: 20_000, interval: 100 })
}, 60_000)
