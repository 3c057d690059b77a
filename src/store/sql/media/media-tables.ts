import type { Generated } from 'kysely'

export interface MediaTables {
  media: {
    media_id: string
    user_number: number
    created_ms: number
    expires_ms: number | null
    sha256: string | null
    content_type: string | null
    file_name: string | null
    used_ms: number | null
    protected: Generated<number>
  }
  quarantined_media: {
    server: string
    media_id: string
    sha256: string
    quarantined_by: string
    quarantined_ms: number
  }
  homeserver: { name: string }
  media_files: { sha256: string; size_bytes: number; uses: number }
  media_thumbnails: { sha256: string; variant: string; content_type: string; size_bytes: number }
}
