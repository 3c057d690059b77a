import { expect, it } from 'vitest'
import type { Answer, RequestOptions, TestClient } from '../../support/client.ts'
import { type StartHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

export const AT_ONCE = 32

/** Requests sent at once, and the law that must hold once all are answered. */
export interface Scene {
  /** The same request, made by its number from 0 to 31. */
  readonly request: (number: number) => Promise<Answer>
  readonly after: (answers: readonly Answer[]) => Promise<void> | void
}

/** One kind of write. Its setting makes users and rooms of its own, one after the other. */
export type Writes = Readonly<Record<string, (home: TestHomeserver) => Promise<Scene>>>

export const enc = encodeURIComponent

/** The numbers from 0 to 31, each turned into something. */
export const each = <Made>(make: (number: number) => Made): readonly Made[] =>
  Array.from({ length: AT_ONCE }, (_, number) => make(number))

export const asking =
  (client: TestClient, method: string, path: (number: number) => string, options?: (n: number) => RequestOptions) =>
  (number: number): Promise<Answer> =>
    client.request(method, path(number), options?.(number) ?? {})

export const statuses = (answers: readonly Answer[]): readonly number[] => answers.map(({ status }) => status)

/** Holds that every request was acknowledged. */
export const allDone = (answers: readonly Answer[]): void =>
  expect(answers.filter(({ status }) => status !== 200).map(({ status, body }) => [status, body])).toEqual([])

/** Holds that one request was acknowledged, and the others were told this. */
export const onlyOne = (answers: readonly Answer[], status: number, errcode: string): Answer => {
  const done = answers.filter((answer) => answer.status === 200)
  const refused = answers
    .filter((answer) => answer.status !== 200)
    .map(({ status: code, body }) => [code, body.errcode])
  expect(refused).toEqual(Array.from({ length: answers.length - 1 }, () => [status, errcode]))
  expect(done).toHaveLength(1)
  return done[0] as Answer
}

/** Makes a test of each kind of write: 32 of them at once. None may be answered 500, and `after` holds that none is lost. */
export const atOnce = (start: StartHomeserver, writes: Writes, settings = {}): void => {
  const shared = shareHomeserver(start, { settings })
  it.each(Object.entries(writes))('%s', async (_, set) => {
    const home = await shared()
    const { request, after } = await set(home)
    const answers = await Promise.all(each(request))
    expect(statuses(answers).filter((status) => status >= 500)).toEqual([])
    await after(answers)
  })
}
