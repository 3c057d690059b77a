/** The memory of a server process, through the inspector that Node was started with: what is left after a full collection. */
export class Heap {
  readonly #socket: WebSocket
  #asked = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** `told`: what the process wrote on its standard error, where Node says where its inspector listens. */
  static async open(told: string): Promise<Heap> {
    const url = /ws:\/\/\S+/.exec(told)?.[0]
    if (url === undefined) throw new Error(`no inspector listens: ${told}`)
    const socket = new WebSocket(url)
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true })
      socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), { once: true })
    })
    return new Heap(socket)
  }

  async usedBytes(): Promise<number> {
    // What is held by finalisers goes with the second collection.
    await this.#ask('HeapProfiler.collectGarbage')
    await this.#ask('HeapProfiler.collectGarbage')
    const { usedSize, backingStorageSize = 0 } = await this.#ask('Runtime.getHeapUsage')
    return usedSize + backingStorageSize
  }

  close(): void {
    this.#socket.close()
  }

  #ask(method: string): Promise<{ readonly usedSize: number; readonly backingStorageSize?: number }> {
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      const hear = ({ data }: MessageEvent): void => {
        const answer = JSON.parse(String(data))
        if (answer.id !== id) return
        this.#socket.removeEventListener('message', hear)
        if (answer.error === undefined) resolve(answer.result)
        else reject(new Error(`${method}: ${JSON.stringify(answer.error)}`))
      }
      this.#socket.addEventListener('message', hear)
      this.#socket.send(JSON.stringify({ id, method }))
    })
  }
}
