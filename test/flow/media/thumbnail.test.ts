import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { animation, type MediaUser, mediaUser, picture, storedFiles } from './fixture.ts'

onEveryHomeserver('a thumbnail', (start) => {
  it('is made once, however many ask for it, and kept', async () => {
    await using homeserver = await start()
    const alice = await mediaUser(homeserver, 'alice')
    const id = await alice.upload(await picture(1_000, 500, 'jpeg'), { type: 'image/jpeg' })
    const wish = `thumbnail/${id}?width=300&height=200&method=scale`
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => alice.get(wish)))
    for (const { status, bytes } of made) expect([status, bytes.equals(made[0]?.bytes ?? bytes)]).toEqual([200, true])
    expect(storedFiles(homeserver).filter((name) => name.includes('.'))).toHaveLength(1)
    await homeserver.restart()
    expect((await alice.get(wish)).bytes.equals(made[0]?.bytes ?? Buffer.alloc(0))).toBe(true)
    expect(storedFiles(homeserver)).toHaveLength(2)
  })
})

describe('a thumbnail', () => {
  let homeserver: TestHomeserver
  let alice: MediaUser
  beforeAll(async () => {
    homeserver = await startHomeserver({ settings: { media: { thumbnailPixels: 4_000_000 } } })
    alice = await mediaUser(homeserver, 'alice')
  })
  afterAll(() => homeserver.stop())

  const sizeOf = async (bytes: Buffer) => {
    const { width, height, format, pages = 1 } = await sharp(bytes).metadata()
    return { width, height, format, pages }
  }
  const thumbnailOf = async (bytes: Buffer, query: string) => {
    const id = await alice.upload(bytes, { type: 'application/x-lie' })
    const found = await alice.get(`thumbnail/${id}?${query}`)
    expect(found.status).toBe(200)
    return found
  }

  it.each([
    ['width=96&height=96&method=crop', 96, 96],
    ['width=32&height=32&method=crop', 32, 32],
    ['width=20&height=20&method=crop', 32, 32],
    ['width=320&height=240&method=scale', 320, 160],
    ['width=640&height=480', 640, 320],
    ['width=160&height=120&method=crop', 320, 240],
    ['width=800&height=600&method=crop', 667, 500],
    ['width=2000&height=2000&method=crop', 1_000, 500],
    ['width=2000&height=2000', 1_000, 500],
    ['width=1000&height=500', 1_000, 500],
  ])('for %s of an image of 1000 x 500 has %i x %i', async (query, width, height) => {
    const { bytes, headers } = await thumbnailOf(await picture(1_000, 500, 'jpeg'), query)
    expect(await sizeOf(bytes)).toMatchObject({ width, height, format: 'jpeg' })
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'content-disposition': 'inline; filename="thumbnail.jpeg"',
      'cross-origin-resource-policy': 'cross-origin',
    })
    expect(headers.get('content-security-policy')).toContain('sandbox')
  })

  it.each(['png', 'jpeg', 'webp', 'gif', 'avif'] as const)('is made of %s', async (format) => {
    const { bytes, headers } = await thumbnailOf(await picture(300, 300, format), 'width=96&height=96&method=crop')
    expect(await sizeOf(bytes)).toMatchObject({ width: 96, height: 96 })
    expect(headers.get('content-type')).toMatch(/^image\/(jpeg|png)$/)
  })

  it('of a small image is the image, with the type that it really has', async () => {
    const small = await picture(20, 10, 'png')
    const { bytes, headers } = await thumbnailOf(small, 'width=96&height=96&method=crop')
    expect([bytes.equals(small), headers.get('content-type')]).toEqual([true, 'image/png'])
    const avif = await thumbnailOf(await picture(64, 64, 'avif'), 'width=96&height=96')
    expect(await sizeOf(avif.bytes)).toMatchObject({ width: 64, height: 64, format: 'jpeg' })
  })

  it('is upright, and tells nothing of where the picture was taken', async () => {
    const turned = await sharp(await picture(400, 200, 'jpeg'))
      .withExif({ IFD0: { Orientation: '6', Artist: 'Alice' } })
      .withMetadata({ orientation: 6 })
      .toBuffer()
    const { bytes } = await thumbnailOf(turned, 'width=96&height=96')
    expect(await sizeOf(bytes)).toMatchObject({ width: 48, height: 96 })
    expect((await sharp(bytes).metadata()).exif).toBeUndefined()
  })

  it('keeps what is see-through', async () => {
    const background = { r: 0, g: 0, b: 0, alpha: 0 }
    const clear = await sharp({ create: { width: 200, height: 200, channels: 4, background } })
      .png()
      .toBuffer()
    const { bytes } = await thumbnailOf(clear, 'width=96&height=96&method=crop')
    expect((await sharp(bytes).metadata()).hasAlpha).toBe(true)
  })

  it('moves where that is wanted, and only there', async () => {
    const film = await animation(200, 200, 4)
    const still = await thumbnailOf(film, 'width=96&height=96')
    expect(await sizeOf(still.bytes)).toMatchObject({ width: 96, height: 96, pages: 1 })
    const stillToo = await thumbnailOf(film, 'width=300&height=300&animated=false')
    expect(await sizeOf(stillToo.bytes)).toMatchObject({ width: 200, pages: 1 })
    const moving = await thumbnailOf(film, 'width=96&height=96&animated=true')
    expect(await sizeOf(moving.bytes)).toMatchObject({ width: 96, height: 96, pages: 4, format: 'webp' })
    const whole = await thumbnailOf(film, 'width=300&height=300&animated=true')
    expect(whole.bytes.equals(film)).toBe(true)
    const photo = await thumbnailOf(await picture(200, 200, 'jpeg'), 'width=96&height=96&animated=true')
    expect(await sizeOf(photo.bytes)).toMatchObject({ width: 96, pages: 1 })
  })

  it('of an animation with too many pixels stands still', async () => {
    const film = await animation(800, 800, 8)
    const { bytes } = await thumbnailOf(film, 'width=96&height=96&animated=true')
    expect(await sizeOf(bytes)).toMatchObject({ width: 96, pages: 1 })
  })

  it.each([
    ['no image', async () => Buffer.from('just words')],
    ['nothing', async () => Buffer.alloc(0)],
    ['SVG', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>')],
    [
      'TIFF',
      async () =>
        sharp(await picture(9, 9))
          .tiff()
          .toBuffer(),
    ],
    ['PDF', async () => Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF')],
    ['half a header', async () => (await picture(9, 9)).subarray(0, 20)],
  ])('of %s there is none', async (_name, make) => {
    const id = await alice.upload(await make(), { type: 'image/png' })
    for (const query of ['width=96&height=96', 'width=1&height=1&method=crop']) {
      const refused = await alice.get(`thumbnail/${id}?${query}`)
      expect(refused).toMatchObject({ status: 400, json: { errcode: 'M_UNKNOWN' } })
    }
  })

  it('of half an image there is none', async () => {
    const noise = await sharp({
      create: {
        width: 400,
        height: 400,
        channels: 3,
        noise: { type: 'gaussian', mean: 128, sigma: 30 },
        background: 'black',
      },
    })
      .png()
      .toBuffer()
    const id = await alice.upload(noise.subarray(0, noise.length / 2))
    const refused = await alice.get(`thumbnail/${id}?width=96&height=96`)
    expect(refused).toMatchObject({ status: 400, json: { errcode: 'M_UNKNOWN' } })
  })

  it('of an image that would fill the memory there is none', async () => {
    const bomb = await sharp({ create: { width: 16_000, height: 16_000, channels: 3, background: 'black' } })
      .png({ compressionLevel: 9 })
      .toBuffer()
    expect(bomb.length).toBeLessThan(4_000_000)
    const id = await alice.upload(bomb, { type: 'image/png' })
    const before = process.memoryUsage().rss
    const tries = await Promise.all([1, 2, 3, 4].map(() => alice.get(`thumbnail/${id}?width=96&height=96`)))
    for (const refused of tries) expect(refused).toMatchObject({ status: 413, json: { errcode: 'M_TOO_LARGE' } })
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
  })

  it.each(['height=9', 'width=9', 'width=0&height=9', 'width=-1&height=9', 'width=1.5&height=9', 'width=9&height=x'])(
    'for %s there is none',
    async (query) => {
      const { status } = await alice.get(`thumbnail/localhost/abc?${query}`)
      expect(status).toBe(400)
    },
  )

  it('of what is not there there is none, nor any other method', async () => {
    expect((await alice.get('thumbnail/localhost/abc?width=9&height=9')).status).toBe(404)
    const refused = await alice.get('thumbnail/localhost/abc?width=9&height=9&method=stretch')
    expect(refused).toMatchObject({ status: 400, json: { errcode: 'M_INVALID_PARAM' } })
  })

  it('is one of few, whatever sizes are asked for', async () => {
    const id = await alice.upload(await picture(900, 900, 'jpeg'))
    const before = storedFiles(homeserver).length
    for (let size = 1; size <= 900; size += 29) {
      for (const method of ['crop', 'scale']) {
        const query = `width=${size}&height=${Math.ceil(size / 2)}&method=${method}`
        expect((await alice.get(`thumbnail/${id}?${query}`)).status).toBe(200)
      }
    }
    expect(storedFiles(homeserver).length - before).toBeLessThanOrEqual(12)
  })
})
