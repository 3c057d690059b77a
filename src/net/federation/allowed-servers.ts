import type { ServerName } from '#spec'

export interface AllowedServers {
  /** Patterns of server names; empty: all. A star stands for any characters, a question mark for one. */
  readonly allow: readonly string[]
  /** Patterns of those refused, also where `allow` has them. */
  readonly deny: readonly string[]
}

/** Whether this server talks with another one, by its name without regard to case; a port is part of it only where the pattern has one. */
export const serverRule = ({ allow, deny }: AllowedServers): ((server: ServerName) => boolean) => {
  const [allowed, denied] = [allow.map(matcherOf), deny.map(matcherOf)]
  return (server) =>
    !denied.some((matches) => matches(server)) && (allowed.length === 0 || allowed.some((matches) => matches(server)))
}

const matcherOf = (pattern: string): ((server: string) => boolean) => {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.')
  const expression = new RegExp(`^${source}$`, 'i')
  const namesPort = /:(?:\d+|\*)$/.test(pattern) && !pattern.endsWith(']')
  return (server) => expression.test(namesPort ? server : server.replace(/:\d+$/, ''))
}
