import { baseUrl, colour, list, nonEmptyText, oldSigningKey, path, roomVersion, serverName } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const server = {
  title: 'The server and its name',
  settings: {
    name: setting(serverName, 'localhost', {
      flag: 'server-name',
      description: 'The name in every user id and alias of this server. It can never be changed.',
    }),
    publicBaseUrl: optional(baseUrl, {
      description:
        'Where clients reach this server from outside; given out in /.well-known/matrix/client. Unset: that page answers 404.',
    }),
    signingKey: optional(nonEmptyText, {
      secret: true,
      description:
        'The key that the server signs with, as text: "ed25519 NAME SEED", the seed being 32 bytes in Base64. Unset: see signingKeyFile.',
    }),
    signingKeyFile: optional(path, {
      description:
        'A file with that text. Unset: signing.key in the data folder; where it is missing, the key that the database keeps, which the first start makes. All processes of a homeserver must have the same key.',
    }),
    oldSigningKeys: setting(list(oldSigningKey), [], {
      description:
        'Keys that a server of this name signed with before, and the last time at which each was in use. They are published, so that others can still check old events.',
    }),
    defaultRoomVersion: setting(roomVersion, '12', {
      description: 'The version of new rooms whose creator names none.',
    }),
    oldClientsRoomVersion: setting(roomVersion, '10', {
      description:
        'The same for rooms made through the paths of 2015, whose clients do not know what newer versions left out.',
    }),
  },
} as const

export const pages = {
  title: 'The pages that people see in a browser',
  settings: {
    operatorName: optional(nonEmptyText, {
      description: 'The name of whoever runs this server, above each page. Unset: the name of the server.',
    }),
    logoFile: optional(path, {
      description: 'An image for the pages and the tabs of browsers: svg, png, jpeg, webp or gif, up to 512 KiB.',
    }),
    colour: optional(colour, {
      description:
        'The colour of links and buttons, such as #7a0b4b. It is made darker on light pages and lighter on dark ones, until it can be read.',
    }),
    webClient: setting(baseUrl, 'https://app.element.io', {
      description: 'The client that the pages lead to in a browser; one of your own may know this server already.',
    }),
  },
} as const
