import type { Logger } from '#base'
import { MatrixError, type RoomAlias, type ServerName, type UserId } from '#spec'
import { ApplicationService } from './application-service.ts'
import { parseRegistration, type Registration } from './registration.ts'

/** A registration file; `problem` says why it could not be read. */
export type RegistrationFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly problem: string }

export interface RegistrationFiles {
  /** The files that are there now, in a lasting order. Never throws. */
  read(): Promise<readonly RegistrationFile[]>
}

export interface AppServicesParts {
  readonly files: RegistrationFiles
  readonly serverName: ServerName
  readonly logger: Logger
}

/** A file that is not in force as it stands. */
export interface RegistrationFault {
  readonly path: string
  readonly problem: string
  /** Whether an earlier state of the file is in force instead. */
  readonly keptEarlier: boolean
}

export interface ReloadOutcome {
  readonly services: number
  readonly faults: readonly RegistrationFault[]
}

interface Loaded {
  readonly text: string
  readonly registration: Registration
}

/**
 * The application services of this server, from their registration files. A file that cannot be used is named, keeps what it said before, and stops
 * nothing.
 */
export class AppServices {
  readonly #parts: AppServicesParts
  readonly #loaded = new Map<string, Loaded>()
  readonly #listeners: (() => Promise<void>)[] = []
  #services: readonly ApplicationService[] = []
  #faults: readonly RegistrationFault[] = []
  #reloading: Promise<unknown> = Promise.resolve()

  constructor(parts: AppServicesParts) {
    this.#parts = parts
  }

  all(): readonly ApplicationService[] {
    return this.#services
  }

  byId(id: string): ApplicationService | undefined {
    return this.#services.find((service) => service.id === id)
  }

  /** Files that are not in force as they stand. */
  faults(): readonly RegistrationFault[] {
    return this.#faults
  }

  /** The file of a service. */
  pathOf({ registration }: ApplicationService): string | undefined {
    for (const [path, loaded] of this.#loaded) if (loaded.registration === registration) return path
    return undefined
  }

  /** The service that alone may make that user or alias. */
  exclusiveOwner(id: UserId | RoomAlias): ApplicationService | undefined {
    return this.#services.find((service) => service.owns(id))
  }

  /** Whether a service alone may make that user. */
  includes(userId: UserId): boolean {
    return this.exclusiveOwner(userId) !== undefined
  }

  /** Whether a service alone may make that user, and will hear of them. */
  isToMake(userId: UserId): boolean {
    return this.exclusiveOwner(userId)?.registration.url !== undefined
  }

  /** Throws `M_EXCLUSIVE`. */
  assertUnreserved(userId: UserId): void {
    if (this.includes(userId))
      throw new MatrixError('M_EXCLUSIVE', 'This user name is reserved for an application service')
  }

  /** Whether somebody, or the service that asks, may make or remove that alias. Throws `M_EXCLUSIVE`. */
  assertMayName(alias: RoomAlias, service: string | undefined): void {
    const owner = this.exclusiveOwner(alias)
    const asking = service === undefined ? undefined : this.byId(service)
    if ((owner !== undefined && owner.id !== service) || (asking !== undefined && !asking.hasAlias(alias)))
      throw new MatrixError(
        'M_EXCLUSIVE',
        'That alias is in a namespace of an application service, or in none of its own',
      )
  }

  /** `listener` is called after the services have changed, and awaited by `reload`. */
  onChange(listener: () => Promise<void>): void {
    this.#listeners.push(listener)
  }

  /** Reads the files anew; one call after the other. */
  reload(): Promise<ReloadOutcome> {
    const outcome = this.#reloading.then(() => this.#reload())
    this.#reloading = outcome.catch(() => {})
    return outcome
  }

  async #reload(): Promise<ReloadOutcome> {
    const { files, serverName, logger } = this.#parts
    const before = new Map(this.#services.map((service) => [service.registration, service]))
    const { taken, faults } = await this.#read(await files.read())
    for (const { path, problem } of faults)
      if (!this.#faults.some((known) => known.path === path && known.problem === problem))
        logger.error({ file: path, problem }, 'a registration of an application service cannot be used')
    this.#faults = faults
    const registrations = [...taken.values()].map(({ registration }) => registration)
    const changed = registrations.length !== before.size || registrations.some((one) => !before.has(one))
    if (changed) {
      this.#loaded.clear()
      for (const [path, one] of taken) this.#loaded.set(path, one)
      this.#services = registrations.map((one) => before.get(one) ?? new ApplicationService(one, serverName))
      logger.info({ services: this.#services.map(({ id }) => id) }, 'application services were read')
      for (const listener of this.#listeners) await listener()
    }
    return { services: this.#services.length, faults }
  }

  async #read(
    found: readonly RegistrationFile[],
  ): Promise<{ readonly taken: ReadonlyMap<string, Loaded>; readonly faults: readonly RegistrationFault[] }> {
    const taken = new Map<string, Loaded>()
    const faults: RegistrationFault[] = []
    for (const file of found) {
      const earlier = this.#loaded.get(file.path)
      const read = await this.#readOne(file, earlier)
      const clash = typeof read === 'string' ? undefined : clashOf(read.registration, taken)
      const problem = typeof read === 'string' ? read : clash
      if (problem === undefined && typeof read !== 'string') {
        taken.set(file.path, read)
        continue
      }
      const keptEarlier = earlier !== undefined && clashOf(earlier.registration, taken) === undefined
      if (keptEarlier) taken.set(file.path, earlier)
      faults.push({ path: file.path, problem: problem ?? '', keptEarlier })
    }
    return { taken, faults }
  }

  async #readOne(file: RegistrationFile, earlier: Loaded | undefined): Promise<Loaded | string> {
    if ('problem' in file) return file.problem
    if (earlier?.text === file.text) return earlier
    const parsed = await parseRegistration(file.text, this.#parts.serverName)
    return parsed.ok ? { text: file.text, registration: parsed.value } : parsed.failure
  }
}

/** Returns what the registration has in common with one of another file, where it must have it alone. */
const clashOf = (one: Registration, taken: ReadonlyMap<string, Loaded>): string | undefined => {
  for (const [path, { registration: other }] of taken) {
    if (one.id === other.id) return `its id ${one.id} is that of ${path}`
    if (one.asToken === other.asToken) return `its as_token is that of ${path}`
    if (one.sender === other.sender) return `its sender_localpart is that of ${path}`
  }
  return undefined
}
