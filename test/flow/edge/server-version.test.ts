import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'

/** Element X asks when it starts, Element Web for its page of help. */
it('says to anyone what it is and which version', async () => {
  await using homeserver = await startHomeserver()
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const answer = await fetch(`${homeserver.url}/_matrix/federation/v1/version`)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ server: { name: 'Homeroom', version } })
})
