import type { Kind } from './kinds.ts'

/** One setting: its kind, its default, and its description on the reference page. */
export interface Setting<Value> {
  readonly kind: Kind<Value>
  /** The default as written in YAML; undefined where there is none, or where it depends on other settings (then the description says how). */
  readonly fallback: string | number | boolean | readonly (string | number)[] | undefined
  readonly description: string
  /** Command-line flag without dashes; its environment variable follows from it. */
  readonly flag?: string
  /** The value that a flag without a value stands for. */
  readonly flagMeans?: boolean
  /** Never shown in messages. */
  readonly secret?: boolean
  /** A record without this field is refused. */
  readonly required?: boolean
  /** A running server takes it anew on SIGHUP. */
  readonly reloads?: boolean
}

export interface Section<Settings extends Readonly<Record<string, Setting<unknown>>>> {
  readonly title: string
  readonly settings: Settings
}

export type AnySection = Section<Readonly<Record<string, Setting<unknown>>>>

type Draft<Value> = Omit<Setting<Value>, 'kind' | 'fallback'>

export const setting = <Value>(
  kind: Kind<Value>,
  fallback: string | number | boolean | readonly (string | number)[],
  draft: Draft<Value>,
): Setting<Value> & { readonly always: true } => ({ kind, fallback, always: true, ...draft })

export const optional = <Value>(kind: Kind<Value>, draft: Draft<Value>): Setting<Value> => ({
  kind,
  fallback: undefined,
  ...draft,
})

/** The plain object that a section becomes. */
export type Values<S> =
  S extends Section<infer Settings>
    ? {
        readonly [Key in keyof Settings]: Settings[Key] extends Setting<infer Value>
          ? Settings[Key] extends { readonly always: true }
            ? Value
            : Value | undefined
          : never
      }
    : never

/** `server.defaultRoomVersion` -> `HOMEROOM_SERVER_DEFAULT_ROOM_VERSION`; settings with a flag are named after the flag. */
export const environmentName = (section: string, key: string, flag: string | undefined): string => {
  const words = flag ?? `${section}-${key}`.replaceAll(/[A-Z]/g, (capital) => `-${capital}`)
  return `HOMEROOM_${words.replaceAll('-', '_').toUpperCase()}`
}
