import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'
import { temporaryFolder } from './cli-fixture.ts'

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
