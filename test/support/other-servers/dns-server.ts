import { createSocket, type Socket } from 'node:dgram'

const [A, AAAA, SRV] = [1, 28, 33]

export interface Service {
  readonly priority?: number
  readonly weight?: number
  readonly port: number
  readonly target: string
}

/** A DNS server on loopback. */
export class DnsServer {
  readonly #socket: Socket
  /** IPv4 addresses by name; a list of lists is answered one after the other, the last for ever. */
  readonly names = new Map<string, readonly (readonly string[])[]>()
  /** SRV records by name. */
  readonly services = new Map<string, readonly Service[]>()
  /** Names that are asked and not answered. */
  readonly silent = new Set<string>()
  readonly asked: string[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (query, { port, address }) => {
      const answer = this.#answer(query)
      if (answer !== undefined) socket.send(answer, port, address)
    })
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket('udp4')
    await new Promise<void>((ready) => socket.bind(0, '127.0.0.1', ready))
    return new DnsServer(socket)
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  times(name: string): number {
    return this.asked.filter((one) => one === name).length
  }

  #answer(query: Buffer): Buffer | undefined {
    const labels: string[] = []
    let at = 12
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const question = query.subarray(12, at + 5)
    const name = labels.join('.').toLowerCase()
    const type = query.readUInt16BE(at + 1)
    if (type !== A && type !== AAAA && type !== SRV) return undefined
    if (type !== AAAA) this.asked.push(name)
    if (this.silent.has(name)) return undefined
    const lists = this.names.get(name)
    const addresses =
      type === A && lists !== undefined ? (lists[Math.min(this.times(name), lists.length) - 1] ?? []) : []
    const services = type === SRV ? (this.services.get(name) ?? []) : []
    const header = Buffer.from(query.subarray(0, 12))
    // An answer, authoritative, recursion available; a name that is unknown is none.
    header.writeUInt16BE(0x8580 | (lists === undefined && services.length === 0 ? 3 : 0), 2)
    header.writeUInt16BE(addresses.length + services.length, 6)
    header.writeUInt32BE(0, 8)
    const records = addresses.map((address) =>
      Buffer.concat([
        Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 0, 0, 4]),
        Buffer.from(address.split('.').map(Number)),
      ]),
    )
    return Buffer.concat([header, question, ...records, ...services.map(serviceRecord)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((closed) => this.#socket.close(() => closed()))
  }
}

const serviceRecord = ({ priority = 0, weight = 0, port, target }: Service): Buffer => {
  const labels = target.split('.').filter((label) => label !== '')
  const name = Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ])
  const head = Buffer.from([0xc0, 12, 0, SRV, 0, 1, 0, 0, 0, 0, 0, 6 + name.length, 0, 0, 0, 0, 0, 0])
  head.writeUInt16BE(priority, 12)
  head.writeUInt16BE(weight, 14)
  head.writeUInt16BE(port, 16)
  return Buffer.concat([head, name])
}
