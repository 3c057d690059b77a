import { duration, integer, type Kind, list, text, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

const MAX_PATTERNS = 200

const pattern = text(
  'a word, a phrase or a glob of up to 200 characters',
  (value) => value.trim() !== '' && value.length <= 200,
)
const patterns: Kind<readonly string[]> = {
  expects: `a list of at most ${MAX_PATTERNS}, each ${pattern.expects}`,
  parse: (raw, fromText) => {
    const values = list(pattern).parse(raw, fromText)
    return values === undefined || values.length > MAX_PATTERNS ? undefined : values
  },
}
const eventType = text('a type of events', (value) => value.length <= 255)

export const policyServer = {
  title: 'Policy server: rooms that name this server as theirs have each event checked by it',
  settings: {
    enabled: setting(yesOrNo, false, {
      description:
        'Whether this server is one. It signs the events of rooms whose m.room.policy names it and in which somebody of it is joined, and no others. Its public key is told in /.well-known/matrix/policy_server, in place of federation.policyServerKey.',
    }),
    forbidden: setting(patterns, [], {
      reloads: true,
      description:
        'Words and phrases that no event has in its texts. A star stands for any characters, a question mark for one; small and capital letters are the same. A word is found as a whole: "cat" is not in "catalogue", and "cat*" is.',
    }),
    maxLinks: optional(integer(0, 1_000, 'links'), {
      reloads: true,
      description: 'The most links in one event, the same one counted once. Unset: no limit.',
    }),
    maxMentions: optional(integer(0, 1_000, 'users'), {
      reloads: true,
      description: 'The most users that one message mentions. Unset: no limit.',
    }),
    mediaAge: setting(duration, '0s', {
      reloads: true,
      description:
        'Accounts younger than this send no media. Of users of other servers, the time since they first came into the room counts, as their server tells it. What is encrypted cannot be looked into. 0s: all may.',
    }),
    unchecked: setting(
      list(eventType),
      ['m.room.redaction', 'm.room.power_levels', 'm.room.join_rules', 'm.room.server_acl'],
      {
        reloads: true,
        description:
          'Types of events that are signed whatever they say. Ban lists hold for their senders nevertheless. Leaving, kicking and banning are never checked.',
      },
    ),
  },
} as const
