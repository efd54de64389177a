// Which hash slot of a Cluster a key belongs to: CRC16 (XMODEM) of its hash tag, or of the whole key. Commands that name
// several keys must keep to one slot.

const SLOTS = 16_384;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** What Redis Cluster hashes of a key: the text between the first `{` and the next `}`, if there is any. */
export function hashTagOf(key: string): string {
  const start = key.indexOf('{');
  const end = start === -1 ? -1 : key.indexOf('}', start + 1);
  return end > start + 1 ? key.slice(start + 1, end) : key;
}

/** The slot of `key`, 0 to 16 383. */
export function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashTagOf(key))) crc = ((crc << 8) & 0xffff) ^ Number(TABLE[(crc >> 8) ^ byte]);
  return crc % SLOTS;
}
