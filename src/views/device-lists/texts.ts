import type { KeyCounts } from '#store'
import type { DeviceListChanges } from './device-lists.ts'

/** The members of an answer that tell of keys: module "End-to-End Encryption", "Extensions to /sync". */

export const deviceListsText = ({ changed, left }: DeviceListChanges): string =>
  `"device_lists":{"changed":${JSON.stringify(changed)},"left":${JSON.stringify(left)}}`

export const keyCountsText = ({
  oneTimeKeys,
  unusedFallbackKeys,
}: Pick<KeyCounts, 'oneTimeKeys' | 'unusedFallbackKeys'>): string => {
  // Clients take an algorithm that is absent for one whose count did not change, so the one that all use is always there.
  const counts = { signed_curve25519: 0, ...oneTimeKeys }
  return `"device_one_time_keys_count":${JSON.stringify(counts)},"device_unused_fallback_key_types":${JSON.stringify(unusedFallbackKeys)}`
}

/** The text for who has no device, and so no keys. */
export const NO_KEYS_TEXT = keyCountsText({ oneTimeKeys: {}, unusedFallbackKeys: [] })
