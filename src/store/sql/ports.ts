import { accountDataReader } from './account-data-reader.ts'
import { accountDataWriter, accountDataWrites } from './account-data-writes.ts'
import { accountsReader } from './accounts-reader.ts'
import { accountsWriter, accountsWrites } from './accounts-writes.ts'
import { devicesReader, tokensReader } from './devices-reader.ts'
import { devicesWriter, devicesWrites } from './devices-writes.ts'
import { emailValidationsReader } from './email-validations-reader.ts'
import { emailValidationsWriter, emailValidationsWrites } from './email-validations-writes.ts'
import type { Db } from './engine/access.ts'
import { type WriteTable, writeTable } from './engine/writes.ts'
import { externalIdentitiesReader } from './external-identities-reader.ts'
import { externalIdentitiesWriter, externalIdentityWrites } from './external-identities-writes.ts'
import { filtersReader } from './filters-reader.ts'
import { filtersWriter, filterWrites } from './filters-writes.ts'
import { mediaReader } from './media-reader.ts'
import { mediaWriter, mediaWrites } from './media-writes.ts'
import { presenceListsReader } from './presence-lists-reader.ts'
import { presenceListsWriter, presenceListWrites } from './presence-lists-writes.ts'
import { presenceStoreReader } from './presence-reader.ts'
import { presenceStoreWriter, presenceWrites } from './presence-writes.ts'
import { profilesReader } from './profiles-reader.ts'
import { profilesWriter, profileWrites } from './profiles-writes.ts'
import { pushersReader } from './pushers-reader.ts'
import { pushersWriter, pusherWrites } from './pushers-writes.ts'
import { receiptsReader } from './receipts-reader.ts'
import { receiptsWriter, receiptWrites } from './receipts-writes.ts'
import { registrationTokensReader } from './registration-tokens-reader.ts'
import { registrationTokensWriter, registrationTokensWrites } from './registration-tokens-writes.ts'
import { roomPurgesReader } from './rooms/purges-reader.ts'
import { roomPurgesWriter, roomPurgeWrites } from './rooms/purges-writes.ts'
import { roomsReader } from './rooms/rooms-reader.ts'
import { roomsWriter, roomWrites } from './rooms/rooms-writes.ts'
import { thirdPartyIdsReader } from './third-party-ids-reader.ts'
import { thirdPartyIdsWriter, thirdPartyIdsWrites } from './third-party-ids-writes.ts'
import { tokensWriter, tokensWrites } from './tokens-writes.ts'
import { urlPreviewReader } from './url-previews-reader.ts'
import { urlPreviewWriter, urlPreviewWrites } from './url-previews-writes.ts'

/** The readers of every port. A new port adds a line here… */
export const readersOver = (db: Db) => ({
  accountData: accountDataReader(db),
  accounts: accountsReader(db),
  devices: devicesReader(db),
  emailValidations: emailValidationsReader(db),
  externalIdentities: externalIdentitiesReader(db),
  filters: filtersReader(db),
  media: mediaReader(db),
  presence: presenceStoreReader(db),
  presenceLists: presenceListsReader(db),
  profiles: profilesReader(db),
  pushers: pushersReader(db),
  receipts: receiptsReader(db),
  registrationTokens: registrationTokensReader(db),
  roomPurges: roomPurgesReader(db),
  rooms: roomsReader(db),
  thirdPartyIds: thirdPartyIdsReader(db),
  tokens: tokensReader(db),
  urlPreviews: urlPreviewReader(db),
})

/** …its writer here… */
export const writers = {
  accountData: accountDataWriter,
  accounts: accountsWriter,
  devices: devicesWriter,
  emailValidations: emailValidationsWriter,
  externalIdentities: externalIdentitiesWriter,
  filters: filtersWriter,
  media: mediaWriter,
  presence: presenceStoreWriter,
  presenceLists: presenceListsWriter,
  profiles: profilesWriter,
  pushers: pushersWriter,
  receipts: receiptsWriter,
  registrationTokens: registrationTokensWriter,
  roomPurges: roomPurgesWriter,
  rooms: roomsWriter,
  thirdPartyIds: thirdPartyIdsWriter,
  tokens: tokensWriter,
  urlPreviews: urlPreviewWriter,
} as const

/** …and its writes here, so that the writing thread knows them. */
export const allWrites = (): WriteTable =>
  writeTable([
    ...accountDataWrites,
    ...accountsWrites,
    ...devicesWrites,
    ...emailValidationsWrites,
    ...thirdPartyIdsWrites,
    ...registrationTokensWrites,
    ...tokensWrites,
    ...externalIdentityWrites,
    ...filterWrites,
    ...mediaWrites,
    ...presenceListWrites,
    ...presenceWrites,
    ...profileWrites,
    ...pusherWrites,
    ...receiptWrites,
    ...roomPurgeWrites,
    ...roomWrites,
    ...urlPreviewWrites,
  ])

export type Readers = ReturnType<typeof readersOver>
