import pg from 'pg'
import type { Durability } from './peer.ts'

const ask = async (url: string, text: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** An empty database as all three servers want it. Relaxed: PostgreSQL acknowledges a commit before it is on the disk. */
export const emptyDatabase = async (superuser: string, name: string, durability: Durability): Promise<string> => {
  await dropDatabase(superuser, name)
  await ask(superuser, `create database ${name} encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0`)
  await ask(superuser, `alter database ${name} set synchronous_commit = ${durability === 'full' ? 'on' : 'off'}`)
  const url = new URL(superuser)
  url.pathname = `/${name}`
  return url.href
}

export const dropDatabase = (superuser: string, name: string): Promise<void> =>
  ask(superuser, `drop database if exists ${name} with (force)`)
