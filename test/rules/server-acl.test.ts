import { describe, expect, it } from 'vitest'
import { compileServerAcl, serverAclAllows } from '#rules'
import type { JsonObject, ServerName } from '#spec'

const allows = (content: JsonObject, server: string): boolean => serverAclAllows(content, server as ServerName)

describe('a server ACL', () => {
  it('lets in what it allows and does not deny', () => {
    const content = { allow: ['*'], deny: ['*.evil.example', 'evil.example'] }
    expect(allows(content, 'good.example')).toBe(true)
    expect(allows(content, 'evil.example')).toBe(false)
    expect(allows(content, 'sub.evil.example')).toBe(false)
    expect(allows(content, 'notevil.example')).toBe(true)
    expect(allows({ allow: ['good.example'] }, 'other.example')).toBe(false)
  })

  it('minds neither case nor port', () => {
    const content = { allow: ['*'], deny: ['Evil.Example'] }
    expect(allows(content, 'evil.example')).toBe(false)
    expect(allows(content, 'EVIL.example:8448')).toBe(false)
    expect(allows({ allow: ['good.example:8448'] }, 'good.example:8448')).toBe(false)
  })

  it('knows stars and question marks, and nothing else of patterns', () => {
    expect(allows({ allow: ['?.example'] }, 'a.example')).toBe(true)
    expect(allows({ allow: ['?.example'] }, 'ab.example')).toBe(false)
    expect(allows({ allow: ['a*z.example'] }, 'a-to-z.example')).toBe(true)
    expect(allows({ allow: ['[ab].example'] }, 'a.example')).toBe(false)
    expect(allows({ allow: ['a.example'] }, 'aXexample')).toBe(false)
  })

  it('refuses addresses where it says so', () => {
    for (const server of ['192.0.2.1', '192.0.2.1:8448', '[2001:db8::1]', '[2001:db8::1]:8448']) {
      expect(allows({ allow: ['*'], allow_ip_literals: false }, server), server).toBe(false)
      expect(allows({ allow: ['*'] }, server), server).toBe(true)
      // Anything but false is true.
      expect(allows({ allow: ['*'], allow_ip_literals: 'no' }, server), server).toBe(true)
    }
    expect(allows({ allow: ['*'], deny: ['[2001:db8::1]'] }, '[2001:db8::1]:8448')).toBe(false)
  })

  it('lets nobody in where it is malformed or was redacted', () => {
    for (const content of [{}, { allow: '*' }, { allow: [7, null] }, { deny: [] }, { allow: [] }])
      expect(allows(content, 'good.example'), JSON.stringify(content)).toBe(false)
    expect(allows({ allow: ['*'], deny: 'good.example' }, 'good.example')).toBe(true)
  })

  it('takes no long time for patterns made to take long', () => {
    const evil = `${'*a'.repeat(250)}b`
    const content = { allow: Array.from({ length: 120 }, () => evil), deny: [] }
    const acl = compileServerAcl(content)
    const name = `${'a'.repeat(220)}.example` as ServerName
    const before = process.cpuUsage()
    expect(acl(name)).toBe(false)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1_000).toBeLessThan(50)
  })
})
