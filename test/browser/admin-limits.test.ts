import { expect, it } from 'vitest'
import { adminWindow, lookOver, shareAdministeredPages } from './admin-window.ts'
import { inChromium } from './chromium.ts'

const enc = encodeURIComponent

inChromium('the page of the administration about the limits of one account', () => {
  const world = shareAdministeredPages({
    settings: { rateLimits: { enabled: true, message: '2/3600s' } },
  })
  const pathOf = (userId: string) => `${world.home.url}/admin/people/${enc(userId)}`
  const limitOf = (userId: string) => world.root.get(`/_synapse/admin/v1/users/${enc(userId)}/override_ratelimit`)
  const deeds = async (userId: string) =>
    (await world.root.get('/_homeroom/admin/v1/audit_log', { subject: userId })).entries.map(
      ({ action, via }: { action: string; via: string }) => `${action} ${via}`,
    )

  it('lifts the limit of messages, sets another one, and takes it back', async () => {
    const ivy = await world.home.register('ivy')
    const roomId = await ivy.createRoom()
    const send = async () => {
      const { status } = await ivy.request('PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/${Math.random()}`, {
        body: { msgtype: 'm.text', body: 'so much' },
      })
      return status
    }
    expect([await send(), await send(), await send()]).toEqual([200, 200, 429])
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(pathOf(ivy.userId))
    await page.getByText('as everybody').waitFor()
    await page.getByRole('link', { name: 'Limits, validity and type' }).click()
    await lookOver(window, `${pathOf(ivy.userId)}/limits`, 'person-limits')
    await page.getByLabel('Messages a second').fill('0')
    await page.getByLabel('Messages at once').fill('0')
    await page.getByRole('button', { name: 'Set the limit' }).click()
    await page.getByRole('status').getByText('Saved.').waitFor()
    await page.getByText('Now: no limits.').waitFor()
    for (let sent = 0; sent < 5; sent += 1) expect(await send()).toBe(200)
    await page.getByLabel('Messages a second').fill('7')
    await page.getByLabel('Messages at once').fill('30')
    await page.getByRole('button', { name: 'Set the limit' }).click()
    await page.getByText('Now: 7 a second, 30 at once.').waitFor()
    expect(await limitOf(ivy.userId)).toEqual({ messages_per_second: 7, burst_count: 30 })
    await lookOver(window, `${pathOf(ivy.userId)}/limits`, 'person-limits-set')
    for (const [wrong, other] of [
      ['1.5', '3'],
      ['3', '1000001'],
      ['-1', '3'],
    ] as const) {
      await page.getByLabel('Messages a second').fill(wrong)
      await page.getByLabel('Messages at once').fill(other)
      await page.evaluate('for (const form of document.forms) form.noValidate = true')
      await page.getByRole('button', { name: 'Set the limit' }).click()
      await page.getByRole('alert').getByText('whole number from 0 to 1000000').waitFor()
      expect(await page.getByLabel('Messages a second').inputValue()).toBe(wrong)
    }
    expect(await limitOf(ivy.userId)).toEqual({ messages_per_second: 7, burst_count: 30 })
    await page.getByRole('button', { name: 'As everybody' }).click()
    await page.getByText('Now: as everybody.').waitFor()
    expect(await limitOf(ivy.userId)).toEqual({})
    expect(await deeds(ivy.userId)).toEqual(['user.limit page', 'user.limit page', 'user.limit page'])
  })

  it('ends an account and renews it, never the administrator’s own', async () => {
    const jon = await world.home.register('jon')
    const standing = async () => (await jon.request('GET', '/v3/account/whoami')).body.errcode
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(`${pathOf(jon.userId)}/limits`)
    await page.getByText('Now: without end.').waitFor()
    await page.getByLabel('Valid until (UTC)').fill('2026-01-02T03:04')
    await page.getByRole('button', { name: 'Set the end' }).click()
    await page.getByText('over since 2 Jan 2026, 03:04 UTC').waitFor()
    expect(await standing()).toBe('ORG_MATRIX_EXPIRED_ACCOUNT')
    expect(await page.getByLabel('Valid until (UTC)').inputValue()).toBe('2026-01-02T03:04')
    await lookOver(window, `${pathOf(jon.userId)}/limits`, 'person-limits-over')
    await page.getByLabel('Valid until (UTC)').fill('2999-01-02T03:04')
    await page.getByRole('button', { name: 'Renew until then' }).click()
    await page.getByText('until 2 Jan 2999, 03:04 UTC').waitFor()
    expect(await standing()).toBeUndefined()
    await lookOver(window, pathOf(jon.userId), 'person-valid-until')
    await page.goto(`${pathOf(jon.userId)}/limits`)
    await page.getByRole('button', { name: 'Valid without end' }).click()
    await page.getByText('Now: without end.').waitFor()
    await page.goto(`${pathOf(world.root.userId)}/limits`)
    await page.getByText('another administrator can set its end').waitFor()
    const own = { user_id: world.root.userId, expiration_ts: 1 }
    const refused = await world.root.request('POST', '/_synapse/admin/v1/account_validity/validity', { body: own })
    expect([refused.status, refused.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    expect(window.complaints).toEqual([])
  })

  it('gives an account a type', async () => {
    const kit = await world.home.register('kit')
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(`${pathOf(kit.userId)}/limits`)
    await page.getByLabel('The account is that of').selectOption('bot')
    await page.getByRole('button', { name: 'Set the type' }).click()
    await page.getByRole('status').getByText('Saved.').waitFor()
    const typeOf = async () => (await world.root.get(`/_synapse/admin/v2/users/${enc(kit.userId)}`)).user_type
    expect(await typeOf()).toBe('bot')
    await page.getByLabel('The account is that of').selectOption('')
    await page.getByRole('button', { name: 'Set the type' }).click()
    await page.getByRole('status').getByText('Saved.').waitFor()
    expect(await typeOf()).toBeNull()
  })

  it('takes nothing from a page of somebody else', async () => {
    const lea = await world.home.register('lea')
    await using window = await adminWindow(world.browser, world.home, 'root')
    const cookies = await window.page.context().cookies()
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    for (const [rest, body] of [
      ['limits', 'per_second=0&burst=0'],
      ['validity', 'until=2026-01-02T03%3A04'],
      ['type', 'type=bot'],
    ] as const) {
      const headers = { cookie, 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await fetch(`${pathOf(lea.userId)}/${rest}`, { method: 'POST', headers, body, redirect: 'manual' })
      expect([rest, answer.status]).toEqual([rest, 403])
    }
    expect(await deeds(lea.userId)).toEqual([])
  })
})
