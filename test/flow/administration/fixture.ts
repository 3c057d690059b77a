import type { Body, Json, Query, TestClient } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'

const enc = encodeURIComponent

/** The administration API as one administrator asks for it. Paths are given below `/_synapse/admin`. */
export class Administrator {
  readonly client: TestClient

  constructor(client: TestClient) {
    this.client = client
  }

  static async of(server: TestHomeserver, name: string): Promise<Administrator> {
    return new Administrator(await registerAdmin(server, name))
  }

  get(path: string, query?: Query): Promise<Json> {
    return this.client.ok('GET', `/_synapse/admin${path}`, query === undefined ? {} : { query })
  }

  put(path: string, body: Body = {}): Promise<Json> {
    return this.client.ok('PUT', `/_synapse/admin${path}`, { body })
  }

  post(path: string, body: Body = {}): Promise<Json> {
    return this.client.ok('POST', `/_synapse/admin${path}`, { body })
  }

  delete(path: string): Promise<Json> {
    return this.client.ok('DELETE', `/_synapse/admin${path}`)
  }

  /** Whatever came back, with its status. */
  ask(method: string, path: string, body?: Body): ReturnType<TestClient['request']> {
    return this.client.request(method, `/_synapse/admin${path}`, body === undefined ? {} : { body })
  }

  person(userId: string): Promise<Json> {
    return this.get(`/v2/users/${enc(userId)}`)
  }

  modify(userId: string, body: Body): Promise<Json> {
    return this.put(`/v2/users/${enc(userId)}`, body)
  }

  /** Notes of the audit log over one subject, newest first, as `action`. */
  async deedsOn(subject: string): Promise<readonly Json[]> {
    return (await this.client.ok('GET', '/_homeroom/admin/v1/audit_log', { query: { subject } })).entries
  }
}
