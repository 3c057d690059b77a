import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from '../../scripts/cruise.ts'
import { Program, temporaryFolder } from '../flow/operation/cli-fixture.ts'

const installed = join(repositoryRoot, 'node_modules')

/** Unpacks what `npm pack` makes into a node_modules folder, beside the dependencies, as npm does. Returns the program. */
const installPackage = (folder: string): string => {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const packed = execFileSync(npm, ['pack', '--json', '--loglevel=error', '--pack-destination', folder], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [{ filename }] = JSON.parse(packed.slice(packed.indexOf('['))) as [{ filename: string }]
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'homeroom'), { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', join(modules, 'homeroom'), '--strip-components=1'])
  for (const name of readdirSync(installed)) {
    if (!name.startsWith('.')) symlinkSync(join(installed, name), join(modules, name))
  }
  return join(modules, 'homeroom/bin/homeroom.js')
}

describe.skipIf(process.platform === 'win32')('the npm package', () => {
  it('runs from node_modules, where Node strips no types, with its threads', { timeout: 120_000 }, async () => {
    using folder = temporaryFolder()
    const program = installPackage(folder.path)
    const settings = ['start', '--port', '0', '--data', join(folder.path, 'data')]
    await using server = new Program(settings, {}, folder.path, program)
    const address = await server.address()
    await expect(server.printed(/npx homeroom users create/)).resolves.toBeDefined()
    const registered = await fetch(`${address}/_matrix/client/v3/register`, {
      method: 'POST',
      body: JSON.stringify({ username: 'anna', password: 'a long enough one', auth: { type: 'm.login.dummy' } }),
    })
    const { access_token: token } = (await registered.json()) as { access_token: string }
    expect(registered.status).toBe(200)
    const created = await fetch(`${address}/_matrix/client/v3/createRoom`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: '{}',
    })
    expect(created.status).toBe(200)
    server.process.kill('SIGTERM')
    expect((await server.finished).code).toBe(0)
  })
})
