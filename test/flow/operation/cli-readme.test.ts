import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'
import { Program, run, startOnce, temporaryFolder } from './cli-fixture.ts'

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')

/** The lines a reader copies, in their order. */
const lines = [...README.matchAll(/<!-- chat -->\n```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block.trimEnd().split('\n'),
)

/** Runs one shell over all lines and answers with what each of them printed. */
const shell = (script: readonly string[], folder: string): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const text = script.map((line) => `${line}\necho; echo "--- $?"\n`).join('')
    const child = spawn('bash', ['-c', text], { cwd: folder })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.once('error', reject)
    child.once('close', () => resolve(output.split(/\n--- 0\n/).slice(0, -1)))
  })

describe('the first chat of the README', () => {
  it('works, copied line by line', async () => {
    using folder = temporaryFolder()
    await using homeserver = await startHomeserver({ settings: { rateLimits: { enabled: true } } })
    const script = lines.map((line) => line.replace('http://127.0.0.1:8008', homeserver.url))
    expect(script.length).toBeGreaterThan(8)
    const outputs = await shell(script, folder.path)
    expect(outputs).toHaveLength(script.length)
    const all = outputs.join('\n')
    expect(all).not.toContain('errcode')
    expect(all).toContain('"user_id":"@alice:localhost"')
    expect(outputs.find((output) => output.includes('"next_batch"'))).toContain('Have some tea, Bob')
    const last = outputs.at(-1) ?? ''
    expect(last).toContain('There is no wine')
    expect(last).not.toContain('Have some tea')
  })
})

describe('the named server of the README', () => {
  const blocks = [...README.matchAll(/<!-- named server -->\n```(\w+)\n([\s\S]*?)```/g)]
  const linesOf = (kind: string) =>
    blocks.filter((block) => block[1] === kind).flatMap(([, , text = '']) => text.trimEnd().split('\n'))

  it('starts beside the data of localhost, and its commands find it: no line leads to a start on other data', async () => {
    using folder = temporaryFolder()
    const clone = join(folder.path, 'clone')
    mkdirSync(clone)
    await startOnce('--data', join(clone, 'data'))
    writeFileSync(join(clone, 'homeroom.yaml'), linesOf('yaml').join('\n'))
    const commands = linesOf('sh').map((line) =>
      line.replace('npm start --', 'start').replace('node bin/homeroom.js ', '').split(' '),
    )
    expect(commands.map(([name]) => name)).toEqual(['check-config', 'start', 'users', 'users'])
    const environment = { HOMEROOM_PORT: '0', HOMEROOM_HOST: '127.0.0.1' }
    const [check = [], start = [], create = [], list = []] = commands
    expect(await run(check, { environment, cwd: clone })).toMatchObject({ code: 0, stderr: '' })
    await using program = new Program(start, environment, clone)
    await program.printed(/Server name {4}example\.org[\s\S]*Press Ctrl/)
    const made = await run(create, { environment, cwd: clone, input: 'a password\n' })
    expect(made).toMatchObject({ code: 0, stdout: 'Made @alice:example.org, who may administer the server.\n' })
    expect((await run(list, { environment, cwd: clone })).stdout).toBe('@alice:example.org admin\n')
    expect(readdirSync(folder.path).toSorted()).toEqual(['clone', 'example.org-data'])
  })
})

describe('the README', () => {
  it('says that there is end-to-end encryption, as keys are served', () => {
    const [works = '', notYet = ''] = README.split('| not yet | |')
    expect(works).toMatch(/^\| End-to-end encryption \|/m)
    expect(notYet).not.toMatch(/^\| End-to-end encryption \|/m)
  })
})

describe('docs/running.md', () => {
  const RUNNING = readFileSync(new URL('../../../docs/running.md', import.meta.url), 'utf8')

  it('says what room version 12 costs with old clients, and how to choose 11', () => {
    expect(RUNNING).toMatch(/version 12[\s\S]{0,1500}old clients[\s\S]{0,1500}defaultRoomVersion: 11/i)
  })

  it('names every command of the command line', async () => {
    const listed = async (...group: readonly string[]) => {
      const { stdout } = await run([...group, '--help'])
      const names = [...(stdout.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}([a-z][a-z-]*)/gm)]
      return names.map(([, name = '']) => name).filter((name) => name !== 'help')
    }
    const commands: string[] = []
    for (const name of await listed()) {
      const within = name.includes('-') ? [] : await listed(name)
      commands.push(...(within.length === 0 ? [name] : within.map((one) => `${name} ${one}`)))
    }
    expect(commands).toContain('users list')
    expect(commands.length).toBeGreaterThan(20)
    expect(commands.filter((name) => !RUNNING.includes(name))).toEqual([])
  })
})
