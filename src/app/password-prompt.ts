import { createInterface } from 'node:readline'
import { StartError } from './start-error.ts'

const MAX_PASSWORD_BYTES = 4_096

/** The password: asked for twice without echo at a terminal, else the first line of the standard input. */
export const readPassword = async (): Promise<string> => {
  if (!process.stdin.isTTY) return readFirstLine()
  const password = await askHidden('Password: ')
  if ((await askHidden('Once more: ')) !== password) throw new StartError('The two passwords differ')
  return password
}

const readFirstLine = async (): Promise<string> => {
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })
  for await (const line of lines) {
    lines.close()
    return line
  }
  throw new StartError('Expected a password as the first line of the standard input')
}

/** Reads keys one by one, so that the terminal shows none of them. */
const askHidden = (question: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { stdin, stderr } = process
    let typed = ''
    const end = (): void => {
      stdin.setRawMode(false)
      stdin.pause()
      stdin.removeListener('data', onData)
      stderr.write('\n')
    }
    const onData = (chunk: string): void => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n' || key === '\u0004') {
          end()
          resolve(typed)
          return
        }
        if (key === '\u0003') {
          end()
          reject(new StartError('Interrupted', { exitCode: 130 }))
          return
        }
        if (key === '\u007f' || key === '\b') typed = [...typed].slice(0, -1).join('')
        else if (key >= ' ' && typed.length < MAX_PASSWORD_BYTES) typed += key
      }
    }
    stderr.write(question)
    stdin.setEncoding('utf8')
    stdin.setRawMode(true)
    stdin.resume()
    stdin.on('data', onData)
  })
