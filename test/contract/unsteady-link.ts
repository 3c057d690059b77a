import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A way to PostgreSQL that can be cut, restored, and made to lose one answer. */
export class UnsteadyLink {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #up = true
  #loseAnswerTo: string | undefined

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
    this.#server = createServer((client) => this.#carry(client))
  }

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return address.port
  }

  cut(): void {
    this.#up = false
    for (const socket of this.#sockets) socket.destroy()
  }

  restore(): void {
    this.#up = true
  }

  /** The next request that contains the text still arrives; then the link breaks before its answer comes back. */
  loseAnswerTo(text: string): void {
    this.#loseAnswerTo = text
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #carry(client: Socket): void {
    client.on('error', () => {})
    if (!this.#up) {
      client.destroy()
      return
    }
    const server = connect(this.#target)
    server.on('error', () => {})
    let lost = false
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    client.on('data', (chunk) => {
      if (this.#loseAnswerTo !== undefined && chunk.includes(this.#loseAnswerTo)) {
        this.#loseAnswerTo = undefined
        lost = true
      }
      server.write(chunk)
    })
    server.on('data', (chunk) => {
      // The answer is here, so the request was done; the client never learns of it.
      if (lost) client.destroy()
      else client.write(chunk)
    })
  }
}
