import { type Static, Type } from 'typebox'
import type { AccountDetails, AdministerPeople, ModifyPerson, PersonChanges } from '#domain'
import { type AnyEndpoint, admin, CustomReply, endpoint, type User } from '#http'
import { type JsonObject, localpartOf, MatrixError } from '#spec'
import { PEOPLE_LIST_ORDERS, type People, type PeopleList } from '#views'
import { actorOf } from '../actor.ts'
import { PAGE_QUERY, pageOf } from '../paging.ts'
import { UserPath } from './user-path.ts'

export interface UsersAdminDeps {
  readonly people: AdministerPeople
  readonly modifyPerson: ModifyPerson
  readonly peopleView: People
}

const Flag = Type.Optional(Type.Boolean())
const Text = Type.Optional(Type.String({ maxLength: 512 }))

const LIST_QUERY = Type.Object({
  ...PAGE_QUERY,
  user_id: Text,
  name: Text,
  guests: Flag,
  admins: Flag,
  deactivated: Flag,
  locked: Flag,
  not_user_type: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 20 })),
  order_by: Type.Optional(Type.Enum([...PEOPLE_LIST_ORDERS])),
})

type Row = PeopleList['rows'][number]

/** Times are milliseconds since 1970. */
const rowJson = (row: Row): JsonObject => ({
  name: row.userId,
  user_type: row.userType ?? null,
  is_guest: row.guest,
  admin: row.admin,
  deactivated: row.deactivated,
  shadow_banned: row.shadowBanned,
  displayname: row.displayName ?? null,
  avatar_url: row.avatarUrl ?? null,
  creation_ts: row.createdAtMs,
  approved: !row.awaitsApproval,
  erased: row.erased,
  last_seen_ts: row.lastSeenAtMs ?? null,
  locked: row.locked,
  suspended: row.suspended,
})

const personJson = (row: Row, { addresses, identities }: AccountDetails): JsonObject => ({
  ...rowJson(row),
  threepids: addresses.map(({ medium, address, addedAtMs, validatedAtMs }) => ({
    medium,
    address,
    added_at: addedAtMs,
    validated_at: validatedAtMs,
  })),
  external_ids: identities.map(({ provider, subject }) => ({ auth_provider: provider, external_id: subject })),
  appservice_id: null,
  consent_server_notice_sent: null,
  consent_version: null,
  consent_ts: null,
})

const ADDRESSES = Type.Array(
  Type.Object({ medium: Type.String({ maxLength: 64 }), address: Type.String({ maxLength: 512 }) }),
  { maxItems: 50 },
)
const IDENTITIES = Type.Array(
  Type.Object({
    auth_provider: Type.String({ minLength: 1, maxLength: 255 }),
    external_id: Type.String({ minLength: 1, maxLength: 1_024 }),
  }),
  { maxItems: 50 },
)
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]))

const PERSON = Type.Object({
  // Tools that fill a form send null for what they leave as it is.
  password: Nullable(Type.String()),
  logout_devices: Nullable(Type.Boolean()),
  displayname: Nullable(Type.String()),
  avatar_url: Nullable(Type.String()),
  threepids: Nullable(ADDRESSES),
  external_ids: Nullable(IDENTITIES),
  admin: Nullable(Type.Boolean()),
  deactivated: Nullable(Type.Boolean()),
  locked: Nullable(Type.Boolean()),
  suspended: Nullable(Type.Boolean()),
  user_type: Nullable(Type.String({ maxLength: 255 })),
})

const changesIn = (body: Static<typeof PERSON>): PersonChanges => ({
  password: body.password ?? undefined,
  keepSessions: body.logout_devices === false,
  displayName: body.displayname ?? undefined,
  avatarUrl: body.avatar_url ?? undefined,
  addresses: body.threepids ?? undefined,
  identities: body.external_ids?.map((one) => ({ provider: one.auth_provider, subject: one.external_id })),
  admin: body.admin ?? undefined,
  deactivated: body.deactivated ?? undefined,
  locked: body.locked ?? undefined,
  suspended: body.suspended ?? undefined,
  // Here null says that the account has none; tools that read tables send an empty text for it.
  userType: body.user_type === '' ? null : body.user_type,
})

/** Accounts: the list of all, and one with all that belongs to it. */
export const usersAdminEndpoints = (deps: UsersAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v2/users'],
    auth: admin(),
    rateLimit: 'read',
    query: LIST_QUERY,
    handler: ({ query }) => listed(deps, query, query.deactivated === true ? undefined : false),
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v3/users'],
    auth: admin(),
    rateLimit: 'read',
    query: LIST_QUERY,
    handler: ({ query }) => listed(deps, query, query.deactivated),
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v2/users/:userId'],
    auth: admin(),
    rateLimit: 'read',
    params: UserPath,
    handler: ({ params }) => shown(deps, params.userId),
  }),
  endpoint({
    method: 'PUT',
    paths: ['/_synapse/admin/v2/users/:userId'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: PERSON,
    handler: ({ requester, params, body }) => put(deps, requester, params.userId, body),
  }),
]

const listed = async (
  { peopleView }: UsersAdminDeps,
  query: Static<typeof LIST_QUERY>,
  deactivated: boolean | undefined,
): Promise<JsonObject> => {
  const { rows, total, next } = await peopleView.list({
    ...pageOf(query),
    deactivated,
    order: query.order_by ?? 'name',
    named: query.name,
    id: query.name === undefined ? query.user_id : undefined,
    guests: query.guests === false ? false : undefined,
    admins: query.admins,
    locked: query.locked === true ? undefined : false,
    notTypes: query.not_user_type,
  })
  return { users: rows.map(rowJson), total, ...(next === undefined ? {} : { next_token: String(next) }) }
}

const shown = async ({ people, peopleView }: UsersAdminDeps, userId: string): Promise<JsonObject> => {
  const account = await people.account(userId)
  const row = await peopleView.person(account.userId)
  if (row === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
  return personJson(row, await people.details(account))
}

/** Makes the account where there is none. */
const put = async (
  deps: UsersAdminDeps,
  requester: User,
  text: string,
  body: Static<typeof PERSON>,
): Promise<CustomReply> => {
  const { people, modifyPerson } = deps
  const userId = people.localId(text)
  const actor = actorOf(requester)
  const before = await people.accountIfAny(userId)
  const changes = changesIn(body)
  if (before === undefined) {
    if (people.newUserId(localpartOf(userId)) !== userId)
      throw new MatrixError('M_INVALID_USERNAME', 'User ids of new accounts have no capital letters')
    modifyPerson.check(changes)
    const { password, displayName, admin: isAdmin = false, userType } = changes
    await people.create(actor, { userId, password, displayName, admin: isAdmin, userType: userType ?? undefined })
    // An empty name is none, where a new account would have that of its user id.
    const rest = { ...changes, password: undefined, displayName: displayName === '' ? '' : undefined }
    await modifyPerson.run(actor, await people.account(userId), rest)
  } else await modifyPerson.run(actor, before, changes)
  return new CustomReply({ status: before === undefined ? 201 : 200, body: await shown(deps, userId) })
}
