import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Json } from '../support/client.ts'
import { startFederation } from '../support/federation-servers.ts'
import { startHomeserver } from '../support/homeserver.ts'
import { registerAdmin } from '../support/operator.ts'
import { adminWindow, lookOver } from './admin-window.ts'
import { inChromium, launchChromium } from './chromium.ts'

const enc = encodeURIComponent

const ALLOWED = '{"action":"allow"}'

/** A program of the operator that allows the first deed, and keeps whoever asks about others waiting. */
const holdingProgram = async () => {
  const held: ServerResponse[] = []
  let asked = 0
  const program = createServer((_, answer) => {
    asked += 1
    if (asked === 1) answer.end(ALLOWED)
    else held.push(answer)
  }).listen(0, '127.0.0.1')
  await once(program, 'listening')
  return {
    held,
    url: `http://127.0.0.1:${(program.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      program.closeAllConnections()
      await new Promise((closed) => program.close(closed))
    },
  }
}

inChromium('deeds on the pages of the administration', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it('cancel a job that is under way', async () => {
    await using program = await holdingProgram()
    const abuse = { hookUrl: program.url, hookSecret: 'a secret of the test', hookDeeds: ['room'], hookTimeout: '60s' }
    await using home = await startHomeserver({ settings: { abuse } })
    const root = await registerAdmin(home, 'root')
    const roomId = await root.createRoom({ name: 'Going' })
    const { delete_id: id } = await root.ok('DELETE', `/_synapse/admin/v2/rooms/${enc(roomId)}`, {
      body: { new_room_user_id: root.userId },
    })
    await vi.waitFor(() => expect(program.held).toHaveLength(1), { timeout: 10_000 })
    await using window = await adminWindow(browser, home, 'root')
    const { page } = window
    await lookOver(window, `${home.url}/admin/jobs/${id}`, 'job-under-way')
    await page.getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByRole('status').getByText('The job is cancelled.').waitFor()
    for (const answer of program.held) answer.end(ALLOWED)
    const status = async () => (await root.get(`/_homeroom/admin/v1/jobs/${id}`)).status
    expect(await status()).toBe('cancelled')
    await page.goto(`${home.url}/admin/audit-log?action=job.cancel`)
    expect(await page.getByRole('row').count()).toBe(2)
    expect((await root.get(`/_synapse/admin/v1/rooms/${enc(roomId)}`)).name).toBe('Going')
  })

  it('shadow-ban an account, whose messages then reach nobody, and lift that', async () => {
    await using home = await startHomeserver()
    const root = await registerAdmin(home, 'root')
    const mallory = await home.register('mallory')
    const roomId = await root.createRoom({ preset: 'public_chat' })
    await mallory.join(roomId)
    const heard = async () => {
      const { chunk } = await root.get(`/v3/rooms/${enc(roomId)}/messages`, { dir: 'b', limit: 10 })
      return chunk.filter(({ type }: Json) => type === 'm.room.message').map(({ content }: Json) => content.body)
    }
    await using window = await adminWindow(browser, home, 'root')
    const { page } = window
    await page.goto(`${home.url}/admin/people/${enc(mallory.userId)}`)
    await page.getByRole('button', { name: 'Shadow-ban' }).click()
    await page.getByText('shadow-banned', { exact: true }).waitFor()
    await mallory.sendText(roomId, 'buy this')
    expect(await heard()).toEqual([])
    await page.getByRole('button', { name: 'Lift the shadow ban' }).click()
    await page.getByRole('button', { name: 'Shadow-ban' }).waitFor()
    await mallory.sendText(roomId, 'sorry')
    expect(await heard()).toEqual(['sorry'])
  })

  it('try a server again that could not be reached', async () => {
    await using federation = await startFederation()
    const [first, second] = [federation.at(0), federation.at(1)]
    const root = await registerAdmin(first, 'root')
    const bob = await second.register('bob')
    const roomId = await root.createRoom({ preset: 'public_chat' })
    await bob.post(`/v3/join/${enc(roomId)}?via=${first.serverName}`)
    const path = `/_synapse/admin/v1/federation/destinations/${enc(second.serverName)}`
    const fails = async () => (await root.get(path)).failure_ts
    await using window = await adminWindow(browser, first, 'root')
    const { page } = window
    await second.whileStopped(async () => {
      await root.sendText(roomId, 'nobody hears')
      await vi.waitFor(async () => expect(await fails()).toBeGreaterThan(0), { timeout: 20_000 })
    })
    await page.goto(`${first.url}/admin/federation/${enc(second.serverName)}`)
    await page.getByRole('button', { name: 'Try again now' }).click()
    await page.getByRole('status').getByText('The server is tried again now.').waitFor()
    await vi.waitFor(async () => expect(await fails()).toBeNull(), { timeout: 20_000 })
  })
})
