import { connect, type Socket } from 'node:net'
import { nowMs } from '../measure/now.ts'

/** Every connection reads into it: what came is looked at before the next one reads. */
const arrived = Buffer.allocUnsafe(64 * 1024)
const headEnd = '\r\n\r\n'

/** One request under way at a time. */
type Asked = { resolve: (answer: StreamAnswer) => void; reject: (error: Error) => void }

/** `atMs`: when its last byte had come. */
export type StreamAnswer = { body: string; atMs: number }

/**
 * One connection that asks for one thing after another, as bare as can be: ten thousand of them must cost the bench less than they cost
 * the server. Understands answers with a `Content-Length` and chunked ones.
 */
export class WaitingStream {
  readonly #socket: Socket
  #text = ''
  /** Where the answer under way ends; undefined before its head is there, and for chunked ones. */
  #end: number | undefined
  #asked: Asked | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the target closed the connection of a waiting stream')))
  }

  static open(url: URL): Promise<WaitingStream> {
    return new Promise((resolve, reject) => {
      let stream: WaitingStream | undefined
      const socket = connect({
        host: url.hostname,
        port: Number(url.port || 80),
        onread: {
          buffer: arrived,
          callback: (length) => {
            stream?.hear(arrived.toString('latin1', 0, length))
            return true
          },
        },
      })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.removeListener('error', reject)
        stream = new WaitingStream(socket)
        resolve(stream)
      })
    })
  }

  ask(request: string): Promise<StreamAnswer> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject }
      this.#socket.write(request, 'latin1')
    })
  }

  hear(text: string): void {
    this.#text = this.#text === '' ? text : this.#text + text
    if (this.#end === undefined) {
      const head = this.#text.indexOf(headEnd)
      if (head === -1) return
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#text.slice(0, head + 2))?.[1]
      if (length === undefined) {
        if (!this.#text.endsWith(`\r\n0${headEnd}`)) return
        this.#end = this.#text.length
      } else this.#end = head + headEnd.length + Number(length)
    }
    if (this.#text.length >= this.#end) this.#answered()
  }

  close(): void {
    this.#asked = undefined
    this.#socket.destroy()
  }

  #answered(): void {
    const { resolve, reject } = this.#asked ?? {}
    const text = this.#text
    this.#asked = undefined
    this.#text = ''
    this.#end = undefined
    const status = text.slice(9, 12)
    if (status === '200') resolve?.({ body: text, atMs: nowMs() })
    else reject?.(new Error(`a waiting stream was answered ${status}: ${text.slice(-200)}`))
  }

  #fail(error: Error): void {
    this.#asked?.reject(error)
    this.#asked = undefined
  }
}
