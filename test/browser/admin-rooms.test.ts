import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import type { TestClient } from '../support/client.ts'
import { adminWindow, downloaded, lookOver, shareAdministeredPages } from './admin-window.ts'
import { inChromium } from './chromium.ts'

inChromium('the pages of the administration about rooms', () => {
  const world = shareAdministeredPages()
  let gus: TestClient
  beforeAll(async () => {
    gus = await world.home.register('gus')
  })

  const pathOf = (roomId: string, rest = ''): string =>
    `${world.home.url}/admin/rooms/${encodeURIComponent(roomId)}${rest}`
  const done = (page: Page, words: string) => page.getByRole('status').getByText(words).waitFor()

  it('list all rooms, and show one with its members and state', async () => {
    const room = await gus.createRoom({
      name: 'Garden <b>',
      topic: 'Roses and weeds',
      preset: 'public_chat',
      room_alias_name: 'garden',
    })
    await gus.createRoom({ name: 'Attic' })
    await world.root.join(room)
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, `${world.home.url}/admin/rooms`, 'rooms')
    await page.getByLabel('Part of a name or address').fill('gard')
    await page.getByRole('button', { name: 'Search' }).click()
    expect(await page.getByRole('row').count()).toBe(2)
    await page.getByRole('link', { name: 'Garden <b>' }).click()
    await page.getByText('Roses and weeds').waitFor()
    await lookOver(window, pathOf(room), 'room')
    await lookOver(window, pathOf(room, '/members'), 'room-members')
    await page.getByRole('link', { name: gus.userId }).waitFor()
    await page.getByLabel('Beginning of a user id').fill('@ro')
    await page.getByRole('button', { name: 'Search' }).click()
    expect(await page.getByRole('main').getByRole('link', { name: /^@/ }).allTextContents()).toEqual([
      world.root.userId,
    ])
    await lookOver(window, pathOf(room, '/state'), 'room-state')
    await page.getByText('"name":"Garden <b>"').waitFor()
    const state = await downloaded(page)
    expect(state).toContain('m.room.name,,$')
    expect(state).not.toContain('m.room.member')
    await lookOver(window, pathOf(room, '/changes'), 'room-changes')
    await page.getByText('Resolution has changed nothing in this room.').waitFor()
  })

  it('list a room in the directory, block it, and give somebody power in it', async () => {
    const room = await gus.createRoom({ name: 'Hall', preset: 'public_chat' })
    await world.root.join(room)
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(pathOf(room))
    await page.getByRole('button', { name: 'List it in the directory' }).click()
    await done(page, 'Saved.')
    expect((await world.root.get(`/v3/directory/list/room/${encodeURIComponent(room)}`)).visibility).toBe('public')
    await page.getByRole('button', { name: 'Block' }).click()
    await done(page, 'The room is blocked.')
    const ida = await world.home.register('ida')
    expect((await ida.request('POST', `/v3/join/${encodeURIComponent(room)}`, { body: {} })).status).toBe(403)
    await page.getByRole('button', { name: 'Unblock' }).click()
    await done(page, 'The room is no longer blocked.')
    await ida.join(room)
    await page.getByRole('link', { name: 'Give somebody power' }).click()
    await page.getByLabel('User id').fill(world.root.userId)
    await page.getByRole('button', { name: 'Give the power' }).click()
    await done(page, 'The power is given.')
    expect((await world.root.getState(room, 'm.room.power_levels')).users[world.root.userId]).toBe(100)
    await page.goto(`${world.home.url}/admin/audit-log?q=${encodeURIComponent(room)}`)
    for (const name of ['room.publish', 'room.block', 'room.make_admin'])
      await page.getByRole('cell', { name }).waitFor()
  })

  it('delete a room for good, once its id was typed, as a job that can be watched', async () => {
    const room = await gus.createRoom({ name: 'Cellar', preset: 'public_chat' })
    await gus.sendText(room, 'secret')
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, pathOf(room, '/delete'), 'room-delete')
    await page.getByLabel('Type the room id to confirm').fill('!other')
    await page.getByRole('button', { name: 'Delete for good' }).click()
    await page.getByRole('alert').getByText('nothing was changed').waitFor()
    await page.getByLabel('Type the room id to confirm').fill(room)
    await page.getByRole('button', { name: 'Delete for good' }).click()
    await done(page, 'The job has started.')
    // The page loads itself anew until the job has ended.
    await page.getByText('complete', { exact: true }).waitFor()
    await lookOver(window, page.url().replace(/\?.*/, ''), 'job')
    await lookOver(window, `${world.home.url}/admin/jobs`, 'jobs')
    expect((await gus.get('/v3/joined_rooms')).joined_rooms).not.toContain(room)
    expect((await gus.request('POST', `/v3/join/${encodeURIComponent(room)}`, { body: {} })).status).toBe(403)
    expect((await page.goto(pathOf(room)))?.status()).toBe(404)
  })

  it('purge old messages of a room', async () => {
    const room = await gus.createRoom({ name: 'Porch' })
    const old = await gus.sendText(room, 'old')
    expect((await gus.getEvent(room, old)).content.body).toBe('old')
    await gus.sendText(room, 'the last one')
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, pathOf(room, '/purge'), 'room-purge')
    await page.getByLabel('Remove messages of before').fill('2099-01-01T00:00')
    await page.getByLabel('Also those of people of this server').check()
    await page.getByLabel('Type the room id to confirm').fill(room)
    await page.getByRole('button', { name: 'Purge for good' }).click()
    await done(page, 'The job has started.')
    await page.getByText('complete', { exact: true }).waitFor()
    const last = await gus.sendText(room, 'new')
    expect((await gus.getEvent(room, last)).content.body).toBe('new')
    const gone = await gus.request('GET', `/v3/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(old)}`)
    expect(gone.status).toBe(404)
    expect((await gus.getState(room, 'm.room.name')).name).toBe('Porch')
  })
})
