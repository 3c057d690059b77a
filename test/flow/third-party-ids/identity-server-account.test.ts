import { expect, it } from 'vitest'
import { startHomeserverFor, withSydent } from '../../support/other-servers/sydent.ts'

withSydent('A user of this server has an account at an identity server', (sydent) => {
  it('in exchange for an OpenID token, and not for any other', async () => {
    await using homeserver = await startHomeserverFor(sydent())
    const ada = await homeserver.register('ada')
    const openIdToken = await ada.post(`/v3/user/${encodeURIComponent(ada.userId)}/openid/request_token`)
    const token = await sydent().register(openIdToken)
    const answer = await fetch(`${sydent().url}/_matrix/identity/v2/account`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(await answer.json()).toEqual({ user_id: ada.userId })
    const forged = { ...openIdToken, access_token: ada.accessToken }
    await expect(sydent().register(forged)).rejects.toThrow("did not include 'sub'")
  })
})
