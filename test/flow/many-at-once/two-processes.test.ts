import { expect, it } from 'vitest'
import { onPostgres } from '../../contract/databases.ts'
import type { Answer, Json, TestClient } from '../../support/client.ts'
import { TwoProcesses } from '../../support/two-processes.ts'
import { each, enc } from './together.ts'

const TIME_MS = 120_000
const RULES = '/v3/pushrules/global'

/** Holds that nothing failed but with a hint when to try again, and answers which were acknowledged. */
const acknowledged = (answers: readonly Answer[]): readonly number[] => {
  for (const { status, headers } of answers) {
    expect([200, 503]).toContain(status)
    if (status === 503) expect(headers.get('retry-after')).not.toBeNull()
  }
  return each((n) => n).filter((n) => answers[n]?.status === 200)
}

/** Nothing queues between processes: a change there makes one here begin anew, and at the very end it is told when to try again. */
onPostgres('32 at once, at two processes', () => {
  it(
    'of one user: push rules, tags, account data and read markers are never answered 500, and none is lost',
    async () => {
      await using two = await TwoProcesses.start()
      const both = await two.register('alice')
      const [alice] = both
      const at = (n: number): TestClient => both[n % 2] as TestClient
      const roomId = await alice.createRoom()
      const events: string[] = []
      for (const n of each((one) => one)) events.push(await alice.sendText(roomId, `${n}`))
      const user = `/v3/user/${enc(alice.userId)}`
      const tags = `${user}/rooms/${enc(roomId)}/tags`

      const rules = acknowledged(
        await Promise.all(each((n) => at(n).request('PUT', `${RULES}/room/r${n}`, { body: { actions: [] } }))),
      )
      const ids = (await alice.get(`${RULES}/`)).room.map(({ rule_id }: Json) => rule_id)
      for (const n of rules) expect(ids).toContain(`r${n}`)

      const tagged = acknowledged(
        await Promise.all(each((n) => at(n).request('PUT', `${tags}/u.t${n}`, { body: { order: n / 32 } }))),
      )
      const stored = (await alice.get(tags)).tags
      for (const n of tagged) expect(stored[`u.t${n}`]).toEqual({ order: n / 32 })

      const data = acknowledged(
        await Promise.all(each((n) => at(n).request('PUT', `${user}/account_data/a.t${n}`, { body: { n } }))),
      )
      for (const n of data) expect(await alice.get(`${user}/account_data/a.t${n}`)).toEqual({ n })

      const marks = acknowledged(
        await Promise.all(
          each((n) =>
            at(n).request('POST', `/v3/rooms/${enc(roomId)}/read_markers`, { body: { 'm.fully_read': events[n] } }),
          ),
        ),
      )
      const { event_id } = await alice.get(`${user}/rooms/${enc(roomId)}/account_data/m.fully_read`)
      expect(events.indexOf(event_id)).toBeGreaterThanOrEqual(Math.max(...marks))
      await two.terminate()
      expect(two.errors).toBe('')
    },
    TIME_MS,
  )

  it(
    'of one refresh token: each refresh gives tokens that go on',
    async () => {
      await using two = await TwoProcesses.start()
      const [first, second] = [two.first, two.second]
      const client = (await two.register('alice'))[0]
      const other = await client.loginAgain({ refresh_token: true })
      const at = (n: number): string => (n % 2 === 0 ? first.url : second.url)
      const refresh = async (n: number, refresh_token: unknown): Promise<Response> =>
        fetch(`${at(n)}/_matrix/client/v3/refresh`, { method: 'POST', body: JSON.stringify({ refresh_token }) })
      const answers = await Promise.all(each((n) => refresh(n, other.refreshToken)))
      for (const [n, answer] of answers.entries()) {
        expect(answer.status).toBe(200)
        const { access_token } = (await answer.json()) as Json
        const whoami = await fetch(`${at(n + 1)}/_matrix/client/v3/account/whoami`, {
          headers: { authorization: `Bearer ${access_token}` },
        })
        expect(whoami.status).toBe(200)
      }
    },
    TIME_MS,
  )
})
