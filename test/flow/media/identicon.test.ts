import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { identiconOf } from '#domain'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { fetchBytes } from './fixture.ts'

let homeserver: TestHomeserver
beforeAll(async () => {
  homeserver = await startHomeserver()
})
afterAll(() => homeserver.stop())

const identicon = (text: string, query = '', version = 'v1', headers = {}) =>
  fetchBytes(homeserver, `/_matrix/media/${version}/identicon/${encodeURIComponent(text)}${query}`, { headers })

it('an identicon is a picture of its text, the same for the same, by each path and without a token', async () => {
  const [alice, again, bob] = [
    await identicon('@alice:x'),
    await identicon('@alice:x', '', 'v3'),
    await identicon('@bob:x'),
  ]
  expect(await sharp(alice.bytes).metadata()).toMatchObject({ format: 'png', width: 96, height: 96 })
  expect([alice.bytes.equals(again.bytes), alice.bytes.equals(bob.bytes)]).toEqual([true, false])
  expect((await identicon('@alice:x', '', 'r0')).status).toBe(200)
  expect((await identicon('😀/../\0"<>')).status).toBe(200)
})

it.each([
  ['?width=32&height=32', 32],
  ['?width=40', 40],
  ['?height=50', 50],
  ['?width=100&height=60', 60],
  ['?width=1&height=1', 16],
  ['?width=999999&height=999999', 256],
])('an identicon for %s has %i pixels a side', async (query, side) => {
  const { bytes } = await identicon('x', query)
  expect(await sharp(bytes).metadata()).toMatchObject({ width: side, height: side })
})

it('an identicon carries the headers of a file, may be kept for a day, and comes in parts', async () => {
  const { headers, bytes } = await identicon('x')
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-type': 'image/png',
    'content-length': String(bytes.length),
    'content-disposition': 'inline; filename="identicon.png"',
    'content-security-policy': expect.stringContaining('sandbox'),
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
    'cache-control': 'public, max-age=86400',
  })
  const kept = await identicon('x', '', 'v1', { 'if-none-match': headers.get('etag') ?? '' })
  expect([kept.status, kept.bytes.length]).toEqual([304, 0])
  const part = await identicon('x', '', 'v1', { range: 'bytes=1-3' })
  expect([part.status, part.bytes.toString()]).toEqual([206, 'PNG'])
})

it.each(['?width=0', '?width=-1', '?height=x', '?width=1.5', '?width=1e9'])(
  'there is no identicon for %s',
  async (query) => {
    expect(await identicon('x', query)).toMatchObject({ status: 400, json: { errcode: 'M_INVALID_PARAM' } })
  },
)

it('there is no identicon of no text, nor of a very long one', async () => {
  expect((await identicon('')).status).toBeGreaterThanOrEqual(400)
  expect((await identicon('x'.repeat(1_001))).status).toBeGreaterThanOrEqual(400)
})

it('an identicon costs next to nothing: a hundred of the largest take less than 1 ms each of the processor', async () => {
  await identicon('warm', '?width=256')
  const before = process.cpuUsage()
  for (let number = 0; number < 100; number++) identiconOf(`@user${number}:x`, 256, 256)
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1_000 / 100).toBeLessThan(1)
})

it('identicons of a thousand texts differ, and have ink and ground', async () => {
  const pictures = new Set<string>()
  for (let number = 0; number < 1_000; number++) {
    const bytes = Buffer.from(identiconOf(`@user${number}:x`, 48, 48))
    pictures.add(bytes.toString('base64'))
    if (number % 100 !== 0) continue
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true })
    const colours = new Set<string>()
    for (let at = 0; at < data.length; at += info.channels) colours.add(data.subarray(at, at + 3).toString('hex'))
    expect(colours.size).toBeLessThanOrEqual(2)
    expect(colours).toContain('f0f0f0')
  }
  expect(pictures.size).toBeGreaterThan(990)
})
