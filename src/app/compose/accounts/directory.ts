import { readFileSync } from 'node:fs'
import { type Config, LDAP_ID } from '#config'
import {
  type Accounts,
  type Admission,
  type CreateAccount,
  canonicalEmail,
  DirectoryAccounts,
  type ExternalIdentities,
  IdentityAccounts,
  type NewUserIds,
  type ThirdPartyIds,
} from '#domain'
import { LdapDirectory, type LdapOptions } from '#net'
import type { UserId } from '#spec'
import type { Store } from '#store'
import { reasonOf, StartError } from '../../host/start-error.ts'
import type { Ground } from '../ground/ground.ts'

export interface IdentityAccountsNeeds {
  readonly accounts: Accounts
  readonly identities: ExternalIdentities
  readonly newUserIds: NewUserIds
  readonly createAccount: CreateAccount
  readonly admission: Admission
}

/** The ids of directories that keep passwords. */
export const directoriesOf = ({ ldap }: Config): readonly string[] => (ldap.url === undefined ? [] : [LDAP_ID])

export const buildIdentityAccounts = (
  { store }: Ground,
  { accounts, identities, newUserIds, createAccount, admission }: IdentityAccountsNeeds,
): IdentityAccounts =>
  new IdentityAccounts({
    ...{ accounts, identities, newUserIds, createAccount, admission },
    commit: store.commit,
    userWithEmail: (address) => userWithEmail(store, address),
  })

/** Builds the accounts of people in a directory, where one is configured; it is not contacted. Throws `StartError` if its certificates cannot be read. */
export const buildDirectory = (
  ground: Ground,
  needs: IdentityAccountsNeeds & { readonly threepids: ThirdPartyIds },
): DirectoryAccounts | undefined => {
  const { config, store, clock, logger } = ground
  const options = optionsOf(config.ldap)
  if (options === undefined) return undefined
  const { name, localpart, displayName, email, allowRegistration, linkExisting } = config.ldap
  return new DirectoryAccounts({
    directory: new LdapDirectory({ ...options, clock }),
    provider: { id: LDAP_ID, name, templates: { localpart, displayName, email }, allowRegistration, linkExisting },
    accounts: buildIdentityAccounts(ground, needs),
    identities: needs.identities,
    addressOf: (userId, text) => {
      const address = canonicalEmail(text)
      if (address === undefined) return []
      return [needs.threepids.add(userId, { medium: 'email', address, validatedAtMs: clock.nowMs() })]
    },
    isFree: async (address) => (await userWithEmail(store, address)) === undefined,
    logger,
  })
}

const userWithEmail = async (store: Store, text: string): Promise<UserId | undefined> => {
  const address = canonicalEmail(text)
  if (address === undefined) return undefined
  return (await store.thirdPartyIds.thirdPartyId({ medium: 'email', address }))?.userId
}

const optionsOf = (settings: Config['ldap']): Omit<LdapOptions, 'clock'> | undefined => {
  const { url, userDn, bindDn, bindPassword, base = '' } = settings
  if (url === undefined) return undefined
  const bind = bindDn === undefined || bindPassword === undefined ? undefined : { dn: bindDn, password: bindPassword }
  const { startTls, userAttribute, subjectAttribute, filter, localpart, displayName, email, requestTimeout } = settings
  const named = [localpart, displayName, email].flatMap((template) => [...template.matchAll(/\{([^{}]+)\}/g)])
  return {
    server: { url, startTls, ca: caOf(settings.caFile), timeoutMs: requestTimeout },
    way: userDn === undefined ? { kind: 'search', bind, base } : { kind: 'direct', dn: userDn },
    people: { userAttribute, subjectAttribute, filter, attributes: named.flatMap(([, name]) => name ?? []) },
  }
}

const caOf = (file: string | undefined): string | undefined => {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new StartError(`The certificates ${file} of the directory cannot be read: ${reasonOf(cause)}`, { cause })
  }
}
