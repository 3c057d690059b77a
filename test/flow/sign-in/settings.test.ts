import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, loadConfig } from '#config'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { headingOf, startSignInHouse } from '../../support/sign-in-house.ts'

const problemsOf = (settings: object, environment: Record<string, string> = {}): readonly string[] => {
  try {
    loadConfig({ environment, file: { name: 'settings', text: JSON.stringify(settings) } })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
}

const server = { publicBaseUrl: 'https://matrix.example' }
const google = {
  id: 'google',
  name: 'Google',
  issuer: 'https://accounts.google.com',
  clientId: 'x',
  clientSecret: 'hush',
}
const plain = {
  id: 'github',
  name: 'GitHub',
  authorizationEndpoint: 'https://github.com/login/oauth/authorize',
  tokenEndpoint: 'https://github.com/login/oauth/access_token',
  userinfoEndpoint: 'https://api.github.com/user',
  subjectClaim: 'id',
  scopes: ['read:user'],
  clientId: 'x',
  clientSecret: 'hush',
}

describe('the settings of providers', () => {
  it('are a list, in the file or as JSON in a variable', () => {
    expect(problemsOf({ server, signIn: { providers: [google, plain] } })).toEqual([])
    expect(problemsOf({ server }, { HOMEROOM_SIGN_IN_PROVIDERS: JSON.stringify([google]) })).toEqual([])
    expect(problemsOf({ server }, { HOMEROOM_SIGN_IN_PROVIDERS: 'google' })).toEqual([
      'signIn.providers: expected a list of mappings; in a variable, the same as JSON',
    ])
  })

  it('are told all that is wrong at once, each by its place, and no secret', () => {
    const { issuer: _, ...aimless } = google
    const problems = problemsOf({
      registration: { oauth2: true },
      signIn: {
        providers: [
          { ...google, id: 'a b', clientSecret: ['hush'], colour: 'red' },
          aimless,
          google,
          { ...google, scopes: ['email'], subjectClaim: 'email', tokenEndpoint: 'https://x.example' },
          { ...plain, clientSecret: undefined },
          { ...plain, id: 'key', clientAuth: 'private_key_jwt' },
          7,
        ],
        trustedClients: ['nonsense'],
      },
    })
    const at = (index: number, key: string) => expect.stringMatching(`^signIn.providers\\[${index}\\]${key}: expected`)
    expect(problems).toEqual([
      at(0, '.colour'),
      at(0, '.id'),
      at(0, '.clientSecret'),
      at(1, '.authorizationEndpoint'),
      at(1, '.tokenEndpoint'),
      at(1, '.userinfoEndpoint'),
      at(2, '.id'),
      at(3, '.id'),
      at(3, '.tokenEndpoint'),
      at(3, '.scopes'),
      at(3, '.subjectClaim'),
      at(4, '.clientSecret'),
      at(5, '.privateKeyFile'),
      at(6, ''),
      expect.stringMatching(/^signIn.trustedClients: expected a list/),
    ])
    expect(problems.join()).not.toContain('hush')
  })

  it('need the address of this server, and somebody who may register', () => {
    expect(problemsOf({ signIn: { providers: [google] } })).toEqual([
      'server.publicBaseUrl: expected, since providers of signIn send browsers back to it',
    ])
    const closed = { server, signIn: { providers: [{ ...google, allowRegistration: false }] } }
    expect(problemsOf({ ...closed, registration: { oauth2: true } })).toEqual([
      'registration.oauth2: expected false, as no provider of signIn allows registration',
    ])
  })
})

describe('this server proves to a provider who it is', () => {
  it('by the secret in the form', async () => {
    const provider = { clientAuth: 'client_secret_post' }
    await using house = await startSignInHouse({
      provider,
      client: { token_endpoint_auth_method: 'client_secret_post' },
    })
    expect(headingOf(await house.goAndReturn())).toBe('Choose a user name')
  })

  it.each(['RSA', 'P-256'] as const)('by a key, %s', async (kind) => {
    const { privateKey, publicKey } =
      kind === 'RSA'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-key-'))
    try {
      const privateKeyFile = join(folder, 'key.pem')
      writeFileSync(privateKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
      const alg = kind === 'RSA' ? 'RS256' : 'ES256'
      await using house = await startSignInHouse({
        provider: { clientAuth: 'private_key_jwt', clientSecret: undefined, privateKeyFile, privateKeyId: 'mine' },
        client: {
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: alg,
          jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'mine', alg, use: 'sig' }] },
        },
      })
      expect(headingOf(await house.goAndReturn())).toBe('Choose a user name')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('and is told no more than that it failed where it does not', async () => {
    await using house = await startSignInHouse({ provider: { clientSecret: 'wrong' } })
    const page = await house.goAndReturn(new PlainBrowser())
    expect([page.status, headingOf(page)]).toEqual([403, 'This sign-in could not be checked'])
  })

  it('or does not start where its key cannot be read, or is none', async () => {
    const keyed = { clientAuth: 'private_key_jwt', clientSecret: undefined }
    const start = (privateKeyFile: string) => startSignInHouse({ provider: { ...keyed, privateKeyFile } })
    await expect(start('/nowhere/key.pem')).rejects.toThrow(
      'The key file /nowhere/key.pem of provider own cannot be read',
    )
    await expect(start(import.meta.filename)).rejects.toThrow(
      `${import.meta.filename} of provider own holds no private key`,
    )
  })
})
