import { createInterface } from 'node:readline'
import { StartError } from '../host/start-error.ts'

const MAX_PASSWORD_LENGTH = 4_096

const ENTER: ReadonlySet<string> = new Set(['\r', '\n', '\u0004'])
const ERASE: ReadonlySet<string> = new Set(['\u007f', '\b'])
const INTERRUPT = '\u0003'

/** Reads the password: at a terminal by asking twice without echo, else from the first line of the standard input. */
export const readPassword = async (): Promise<string> => {
  if (!process.stdin.isTTY) return readFirstLine()
  const [password = '', again] = await askHidden(['Password: ', 'Once more: '])
  if (again !== password) throw new StartError('The two passwords differ')
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

/** Reads key by key, so that the terminal shows none of them. An answer may be pasted, even both at once. */
const askHidden = (questions: readonly string[]): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const { stdin, stderr } = process
    const answers: string[] = []
    let typed = ''
    const end = (): void => {
      stdin.setRawMode(false)
      stdin.pause()
      stdin.removeListener('data', onData)
      stderr.write('\n')
    }
    const onEnter = (): void => {
      answers.push(typed)
      typed = ''
      if (answers.length < questions.length) stderr.write(`\n${questions[answers.length]}`)
      else {
        end()
        resolve(answers)
      }
    }
    const onData = (chunk: string): void => {
      for (const key of chunk) {
        if (answers.length === questions.length) return
        if (key === INTERRUPT) {
          end()
          reject(new StartError('Interrupted', { exitCode: 130 }))
          return
        }
        if (ENTER.has(key)) onEnter()
        else if (ERASE.has(key)) typed = typed.replace(/.$/u, '')
        else if (key >= ' ' && typed.length < MAX_PASSWORD_LENGTH) typed += key
      }
    }
    stderr.write(questions[0] ?? '')
    stdin.setEncoding('utf8')
    stdin.setRawMode(true)
    stdin.resume()
    stdin.on('data', onData)
  })
