import {
  dnsServer,
  ed25519Key,
  list,
  network,
  nonEmptyText,
  path,
  serverAddresses,
  serverName,
  serverPattern,
  yesOrNo,
} from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const federation = {
  title: 'Other homeservers: which, and how they and this one find each other',
  settings: {
    enabled: setting(yesOrNo, true, {
      description: 'Whether this server talks with other homeservers at all.',
    }),
    delegatedTo: optional(nonEmptyText, {
      description:
        'host:port that other servers shall use for this server name, told in /.well-known/matrix/server. Unset: that page answers 404.',
    }),
    policyServerKey: optional(ed25519Key, {
      description:
        'The public key of another program that is the policy server under this server name, told in /.well-known/matrix/policy_server: 32 bytes in Base64 without padding. Unset: that page answers 404.',
    }),
    allow: setting(list(serverPattern), [], {
      reloads: true,
      description:
        'The only servers that it talks with, as names in which a star stands for any characters and a question mark for one: *.example.org. Empty: all.',
    }),
    deny: setting(list(serverPattern), [], {
      reloads: true,
      description: 'Servers that it does not talk with, written in the same way, even where allow has them.',
    }),
    partialJoins: setting(yesOrNo, false, {
      description:
        'Whether rooms of other servers are joined before all of their members are known, which are fetched afterwards. What others send in such a room waits until then.',
    }),
    showProfiles: setting(yesOrNo, true, {
      description:
        'Whether other servers are told the profiles of the users here, by name. Profiles are in the rooms of users anyway.',
    }),
    addresses: setting(serverAddresses, [], {
      description:
        'Where servers are, by server name or by the host in it: a mapping such as "hs2.example: 10.1.2.3:8448"; in a variable, hs2.example=10.1.2.3:8448. Nothing else is looked up for these, and private addresses are allowed. Certificates must be for the server name.',
    }),
    allowedNetworks: setting(list(network), [], {
      description:
        'Private addresses and networks where other servers may stand. Without them no connection is made to loopback or private addresses, which strangers could name.',
    }),
    keyServers: setting(list(serverName), [], {
      description:
        'Servers that are trusted to tell the keys of others (notaries), asked for those that do not answer themselves. They could pass off other keys as those of a server that this one has never met.',
    }),
    dnsServers: setting(list(dnsServer), [], {
      description: "DNS servers that are asked for other servers, as 1.1.1.1 or [::1]:53. None: the machine's.",
    }),
    hostsFile: optional(path, {
      description:
        'A hosts file (such as /etc/hosts) whose names are not asked of DNS servers. Unset: none is read, as DNS servers alone are asked.',
    }),
    ca: setting(list(path), [], {
      description:
        'PEM files of authorities whose certificates are taken from other servers, besides those that Node knows.',
    }),
  },
} as const
