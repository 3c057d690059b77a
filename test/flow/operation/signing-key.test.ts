import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'

const SEED = Buffer.alloc(32, 7).toString('base64').replaceAll('=', '')
const OTHER_SEED = Buffer.alloc(32, 8).toString('base64').replaceAll('=', '')

/** A folder for databases and keys that goes away after the test. */
const withFolder = async (work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'homeroom-keys-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Starts a server on the database, with a data folder of its own, and answers the id and the public part of its key. */
const keyOf = async (folder: string, server: object = {}, ownKey?: string): Promise<readonly [string, string]> => {
  const data = mkdtempSync(join(folder, 'data-'))
  if (ownKey !== undefined) writeFileSync(join(data, 'signing.key'), ownKey)
  const storage = { data, database: `sqlite:${join(folder, 'homeroom.db')}` }
  await using homeserver = await startHomeserver({ settings: { server: { ...server }, storage } })
  const answer = await fetch(`${homeserver.url}/_matrix/key/v2/server`)
  const { verify_keys: keys } = (await answer.json()) as {
    readonly verify_keys: Record<string, { readonly key: string }>
  }
  const [[id, { key }]] = Object.entries(keys) as [[string, { readonly key: string }]]
  return [id, key]
}

it('the key of the first start is that of every process on the same database', () =>
  withFolder(async (folder) => {
    const first = await keyOf(folder)
    expect(await keyOf(folder)).toEqual(first)
  }))

it('a key of before is kept in the database for further processes, and another one is refused there', () =>
  withFolder(async (folder) => {
    const [id, key] = await keyOf(folder, {}, `ed25519 old ${SEED}\n`)
    expect(id).toBe('ed25519:old')
    expect(await keyOf(folder)).toEqual([id, key])
    await expect(keyOf(folder, {}, `ed25519 old ${OTHER_SEED}\n`)).rejects.toThrow(
      /^The signing key .*signing\.key is not the one of this database, which is ed25519:old$/,
    )
    expect(await keyOf(folder)).toEqual([id, key])
  }))

it('a key of the configuration stays there: it is in no file and no row, and each process must be given it', () =>
  withFolder(async (folder) => {
    const signingKey = `ed25519 mine ${SEED}`
    const given = await keyOf(folder, { signingKey })
    expect(given[0]).toBe('ed25519:mine')
    const file = join(folder, 'a.key')
    writeFileSync(file, `${signingKey}\n`)
    expect(await keyOf(folder, { signingKeyFile: file })).toEqual(given)
    expect(readFileSync(join(folder, 'homeroom.db')).includes(SEED)).toBe(false)
    await expect(keyOf(folder)).rejects.toThrow(/ed25519:mine of this database is configured elsewhere/)
    await expect(keyOf(folder, { signingKeyFile: join(folder, 'none') })).rejects.toThrow(/none cannot be read/)
    await expect(keyOf(folder, { signingKey: 'ed25519 mine short' })).rejects.toThrow(
      /of the configuration cannot be read/,
    )
    expect(existsSync(join(folder, 'signing.key'))).toBe(false)
  }))
