import { expect, it } from 'vitest'
import { startFederation } from '../../../support/federation-servers.ts'
import { command } from '../../../support/operator.ts'
import { joinBy } from '../memberships/two-servers.ts'

it('the operator sees which servers take nothing, and has one tried at once', async () => {
  await using federation = await startFederation({ settings: { presence: { federation: false } } })
  const [alice, bob] = [await federation.at(0).register('alice'), await federation.at(1).register('bob')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await joinBy(bob, roomId, 'first.example')
  const { next_batch: since } = await bob.sync()
  const status = async () => (await command(federation.at(0), 'list-destinations', {})).destinations
  await federation.at(1).whileStopped(async () => {
    await alice.sendText(roomId, 'anybody there?')
    await expect.poll(status, { timeout: 20_000 }).toMatchObject([{ server: 'second.example', behind: true }])
    const [{ failures, retry_at, failing_since }] = await status()
    expect(failures).toBeGreaterThan(0)
    expect(retry_at).toBeGreaterThan(failing_since)
  })
  expect(await command(federation.at(0), 'retry-destination', { server: 'second.example' })).toMatchObject({
    known: true,
  })
  expect(await command(federation.at(0), 'retry-destination', { server: 'x.example' })).toMatchObject({ known: false })
  await bob.syncUntil(since, (sync) => JSON.stringify(sync).includes('anybody there?'))
  await expect
    .poll(status, { timeout: 20_000 })
    .toMatchObject([{ server: 'second.example', failures: 0, pending: 0, behind: false }])
})
