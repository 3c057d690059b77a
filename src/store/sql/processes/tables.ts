export interface ProcessTables {
  readonly short_lived: {
    readonly kind: string
    readonly key: string
    readonly owner: string
    readonly body: string
    readonly expires_ms: number
  }
}
