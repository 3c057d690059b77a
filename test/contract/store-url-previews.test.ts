import { expect, test } from 'vitest'
import { type UrlPreview, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const { urlPreviews } = writers
const fetched = (url: string, fetchedMs: number, mediaId?: string): UrlPreview => ({
  url,
  fetchedMs,
  staleMs: fetchedMs + 100,
  answerJson: `{"og:title":"${fetchedMs}"}`,
  mediaId,
})

onEveryDatabase('previews of URLs', (open) => {
  test('are found by the time they were true', async () => {
    const store = await open()
    const [early, late] = [fetched('https://a.example/', 1_000), fetched('https://a.example/', 1_050, 'picture')]
    await store.commit([urlPreviews.add(late), urlPreviews.add(early)])
    const at = (atMs: number) => store.urlPreviews.preview('https://a.example/', atMs)
    expect(await at(999)).toBeUndefined()
    expect(await at(1_049)).toEqual(early)
    expect(await at(1_149)).toEqual(late)
    expect(await at(1_150)).toBeUndefined()
    expect(await store.urlPreviews.preview('https://b.example/', 1_100)).toBeUndefined()
    await expect(store.commit([urlPreviews.add(late)])).rejects.toMatchObject({ kind: 'preview-exists' })
  })

  test('are forgotten by their age', async () => {
    const store = await open()
    const all = [30, 10, 20].map((ms) => fetched(`https://${ms}.example/`, ms))
    await store.commit(all.map((preview) => urlPreviews.add(preview)))
    expect((await store.urlPreviews.fetchedBefore(30, 10)).map(({ fetchedMs }) => fetchedMs)).toEqual([10, 20])
    expect((await store.urlPreviews.fetchedBefore(99, 1)).map(({ fetchedMs }) => fetchedMs)).toEqual([10])
    await store.commit([urlPreviews.remove('https://10.example/', 10), urlPreviews.remove('https://20.example/', 1)])
    expect((await store.urlPreviews.fetchedBefore(99, 10)).map(({ fetchedMs }) => fetchedMs)).toEqual([20, 30])
  })
})
