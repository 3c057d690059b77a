import { nodeHttp } from '#base'
import type { JsonObject } from '#spec'
import { codeOf, StartError } from '../host/start-error.ts'

/** Sends one command to the server behind the socket. */
export type Ask = (command: string, input?: JsonObject) => Promise<JsonObject>

/** Nobody listens at the socket: no server runs on the data folder. */
export class NobodyThere extends Error {
  override readonly name = 'NobodyThere'
}

/** Identity servers may be asked by a command, each within its own limit. */
const ANSWER_WITHIN_MS = 120_000

/** Throws `NobodyThere`, and `StartError` with what the server says. */
export const askAt =
  (socketPath: string): Ask =>
  async (command, input) => {
    const { status, text } = await exchange(socketPath, command, input)
    const answer = parse(text)
    if (status === 200) return answer
    if (answer.errcode === 'M_UNRECOGNIZED')
      throw new StartError('The running server is of another version: restart it first')
    throw new StartError(typeof answer.error === 'string' ? answer.error : `The server answered ${status}`)
  }

const parse = (text: string): JsonObject => {
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    throw new StartError('The server answered something else than JSON')
  }
}

const exchange = (
  socketPath: string,
  command: string,
  input: JsonObject | undefined,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const method = input === undefined ? 'GET' : 'POST'
    const sent = nodeHttp.request(
      { socketPath, method, path: `/${command}`, timeout: ANSWER_WITHIN_MS },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        )
        response.on('error', (cause) => reject(new StartError('The server ended before it answered', { cause })))
      },
    )
    sent.on('timeout', () => sent.destroy(new StartError('The server does not answer')))
    sent.on('error', (cause) => reject(refused(socketPath, cause)))
    sent.end(input === undefined ? undefined : JSON.stringify(input))
  })

const refused = (socketPath: string, cause: Error): Error => {
  switch (codeOf(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new NobodyThere('nobody listens at the socket', { cause })
    case 'EACCES':
    case 'EPERM':
      return new StartError(
        `The server's socket ${socketPath} belongs to another user: run this as the user that runs the server`,
        {
          cause,
        },
      )
    default:
      return cause instanceof StartError ? cause : new StartError('The server ended before it answered', { cause })
  }
}
