import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import type { TestClient } from '../support/client.ts'
import { adminWindow, downloaded, lookOver, shareAdministeredPages } from './admin-window.ts'
import { inChromium } from './chromium.ts'

inChromium('the pages of the administration about media', () => {
  const world = shareAdministeredPages()
  let mia: TestClient
  beforeAll(async () => {
    mia = await world.home.register('mia')
  })

  const upload = async (name: string, text: string): Promise<string> => {
    const answer = await fetch(`${world.home.url}/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${mia.accessToken}`, 'content-type': 'text/plain' },
      body: text,
    })
    const { content_uri: uri } = (await answer.json()) as { content_uri: string }
    return uri.replace(`mxc://${world.home.serverName}/`, '')
  }
  const statusOf = async (mediaId: string): Promise<number> =>
    (
      await fetch(`${world.home.url}/_matrix/client/v1/media/download/${world.home.serverName}/${mediaId}`, {
        headers: { authorization: `Bearer ${mia.accessToken}` },
      })
    ).status
  const done = (page: Page, words: string) => page.getByRole('status').getByText(words).waitFor()

  it('list them by size, and protect, quarantine and delete one', async () => {
    const small = await upload('small <b>.txt', 'a')
    const large = await upload('large.txt', 'a'.repeat(5_000))
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, `${world.home.url}/admin/media`, 'media')
    await page.goto(`${world.home.url}/admin/media?order=-media_length`)
    const names = () =>
      page
        .getByRole('row')
        .getByRole('link', { name: /\.txt$/ })
        .allTextContents()
    expect(await names()).toEqual(['large.txt', 'small <b>.txt'])
    await page.getByLabel('User id').fill('@root:localhost')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('There are no such media.').waitFor()
    await page.goto(`${world.home.url}/admin/media`)
    expect((await downloaded(page)).split('\r\n')).toHaveLength(4)
    await page.getByRole('link', { name: 'large.txt' }).click()
    expect(await statusOf(large)).toBe(200)
    await page.getByRole('button', { name: 'Put into quarantine' }).click()
    await done(page, 'Saved.')
    expect(await statusOf(large)).toBe(404)
    await lookOver(window, page.url().replace(/\?.*/, ''), 'media-one')
    await page.getByRole('button', { name: 'Take out of quarantine' }).click()
    await page.getByRole('button', { name: 'Put into quarantine' }).waitFor()
    expect(await statusOf(large)).toBe(200)
    await page.getByRole('button', { name: 'Protect', exact: true }).click()
    await page.getByRole('button', { name: 'Protect no longer' }).waitFor()
    await page.getByRole('link', { name: 'Delete', exact: true }).click()
    await lookOver(window, page.url(), 'media-delete')
    await page.getByRole('button', { name: 'Delete for good' }).click()
    await done(page, 'The media are deleted.')
    expect(await statusOf(large)).toBe(404)
    expect(await statusOf(small)).toBe(200)
  })

  it('put all of a person or a room into quarantine, and delete what nobody uses, as jobs', async () => {
    const shown = await upload('shown.txt', 'in a room')
    const room = await mia.createRoom()
    await mia.send(room, 'm.room.message', {
      msgtype: 'm.file',
      body: 'f',
      url: `mxc://${world.home.serverName}/${shown}`,
    })
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, `${world.home.url}/admin/rooms/${encodeURIComponent(room)}/media`, 'room-media')
    await page.getByText(shown).waitFor()
    await page.getByRole('link', { name: 'Put all into quarantine' }).click()
    await lookOver(window, page.url(), 'media-quarantine')
    await page.getByRole('button', { name: 'Put all into quarantine' }).click()
    await page.getByText('complete', { exact: true }).waitFor()
    expect(await statusOf(shown)).toBe(404)
    const later = await upload('later.txt', 'later')
    await page.goto(`${world.home.url}/admin/media?q=${encodeURIComponent(mia.userId)}`)
    await page.getByRole('link', { name: 'Put all of theirs into quarantine' }).click()
    await page.getByRole('button', { name: 'Put all into quarantine' }).click()
    await page.getByText('complete', { exact: true }).waitFor()
    expect(await statusOf(later)).toBe(404)
    const old = await upload('old.txt', 'old')
    await lookOver(window, `${world.home.url}/admin/media/old`, 'media-old')
    await page.getByLabel('Not used since').fill('2099-01-01T00:00')
    await page.getByLabel('Only those larger').fill('many')
    await page.getByRole('button', { name: 'Delete for good' }).click()
    await page.getByRole('alert').getByText('whole number of bytes').waitFor()
    expect(await statusOf(old)).toBe(200)
    await page.getByLabel('Not used since').fill('2099-01-01T00:00')
    await page.getByRole('button', { name: 'Delete for good' }).click()
    await page.getByText('complete', { exact: true }).waitFor()
    expect(await statusOf(old)).toBe(404)
    await lookOver(window, `${world.home.url}/admin/media/cache`, 'media-cache')
  })
})
