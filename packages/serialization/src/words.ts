/** First bytes of the words of MessagePack: https://github.com/msgpack/msgpack/blob/master/spec.md */
export const WORD = {
  map: 0x80,
  list: 0x90,
  text: 0xa0,
  null: 0xc0,
  false: 0xc2,
  true: 0xc3,
  bytes8: 0xc4,
  bytes16: 0xc5,
  bytes32: 0xc6,
  float32: 0xca,
  float64: 0xcb,
  uint8: 0xcc,
  uint16: 0xcd,
  uint32: 0xce,
  uint64: 0xcf,
  int8: 0xd0,
  int16: 0xd1,
  int32: 0xd2,
  int64: 0xd3,
  /** An extension with one byte of data, behind its type. */
  extension1: 0xd4,
  text8: 0xd9,
  text16: 0xda,
  text32: 0xdb,
  list16: 0xdc,
  list32: 0xdd,
  map16: 0xde,
  map32: 0xdf,
  /** From here on the byte is itself a number, -32 to -1; below `map` it is one from 0 to 127. */
  negative: 0xe0,
} as const

/** What has its size in its first byte, added to `map`, `list` or `text`, has at most so many parts. */
export const MOST_INLINE = { parts: 15, bytes: 31 } as const

/** Beyond these a big integer does not fit 64 bits. */
export const INT64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n } as const

/** The types of our extensions. Their byte of data is a zero. */
export const EXTENSION = {
  undefined: 0x00,
  /** The list of a tag and a content follows. */
  tagged: 0x43,
} as const
