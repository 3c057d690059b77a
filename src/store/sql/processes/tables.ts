export interface ProcessTables {
  readonly signing_keys: {
    readonly place: number
    readonly key_id: string
    readonly public_key: string
    readonly seed: string | null
  }
  readonly leases: { readonly name: string; readonly owner: string; readonly until_ms: number }
  readonly short_lived: {
    readonly kind: string
    readonly key: string
    readonly owner: string
    readonly body: string
    readonly expires_ms: number
  }
}
